// What is in her hand: the tool and how it is set. Kept by the browser, so that it lies as she left it.

export type Tool = "brush" | "eraser" | "fill" | "line" | "rectangle" | "ellipse" | "lasso" | "pick" | "move" | "pan";

export interface Settings {
  tool: Tool;
  size: number; // pixels of the drawing
  softness: number; // 0 … 1
  opacity: number; // 0 … 1
  color: string;
  steady: number; // 0 … 0.95: how far the ink lags behind the hand
  filled: boolean;
  fold: number; // 1: no symmetry
  wrap: boolean;
  recent: string[];
}

const KEPT = "inkstone-canvas";
const FRESH: Settings = {
  tool: "brush", size: 8, softness: 0, opacity: 1, color: "#1d1b18", steady: 0.25, filled: false, fold: 1, wrap: false, recent: [],
};

export function recalled(): Settings {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Settings>;
    const fits = Object.entries(kept).filter(([name, value]) => typeof value === typeof FRESH[name as keyof Settings]);
    return { ...FRESH, ...(Object.fromEntries(fits) as Partial<Settings>), tool: "brush", fold: 1, wrap: false };
  } catch {
    return { ...FRESH };
  }
}

export function keep(settings: Settings): void {
  try { localStorage.setItem(KEPT, JSON.stringify(settings)); } catch { /* a private window */ }
}
