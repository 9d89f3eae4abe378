// What the page offers to its components (page.js), as far as the canvas asks for it.

export interface Ask { method?: string; json?: unknown; body?: Blob; keepalive?: boolean }

export interface Ink {
  say(key: string, values?: Record<string, unknown>): string;
  spoken(act: () => void): void;
  ask(path: string, how?: Ask): Promise<Record<string, unknown>>;
  url(path: string): string;
  make<K extends keyof HTMLElementTagNameMap>(tag: K, className?: string, text?: string): HTMLElementTagNameMap[K];
  toast(text: string, how?: { kind?: string; action?: string; act?: () => void }): void;
  fault(error: Error): void;
  tab?: ((name: string) => void) & { now(): string };
  onTab?(act: (name: string) => void): void;
  canvasAt?(): void;
  canvas: unknown;
}

export const ground = (): Ink => (window as unknown as { inkstone: Ink }).inkstone;
