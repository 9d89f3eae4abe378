// The drawing is kept on the server a second after the last stroke, and is there again when the page opens.

import type { Easel } from "./easel";
import { ground } from "./ground";

const PAUSE = 1000;
export const DRAFT = "canvas"; // one sheet for every tab that draws
const HELD = "inkstone-unkept"; // in the browser: what was left before the studio had it

export class Keeping {
  private timer = 0;
  private sent = "";
  private unkept = false;
  private recalled = false; // until then nothing is kept over what may still come

  constructor(private readonly easel: Easel) {
    easel.on("rest", () => this.later());
    easel.on("size", () => this.later());
    addEventListener("pagehide", () => { if (this.unkept && this.recalled) this.leave(); });
    document.addEventListener("visibilitychange", () => { if (document.hidden && this.timer) void this.now(); });
  }

  later(): void {
    this.unkept = true;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.now(), PAUSE);
  }

  // A page that is being left may send 64 KiB at most, and nobody waits for the answer: the browser holds it too.
  private leave(): void {
    const drawing = this.easel.json(), text = JSON.stringify(drawing);
    try { localStorage.setItem(HELD, text); } catch { /* a private window, or too much */ }
    if (text.length < 60_000) void ground().ask("drawing", { method: "PUT", json: { tab: DRAFT, drawing }, keepalive: true }).catch(() => undefined);
  }

  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.recalled) return this.later();
    await this.easel.pictures.settled().catch(() => undefined);
    const drawing = this.easel.json();
    const text = JSON.stringify(drawing);
    try {
      if (text !== this.sent) await ground().ask("drawing", { method: "PUT", json: { tab: DRAFT, drawing } });
      this.sent = text;
      if (this.timer) return; // she has drawn on meanwhile
      this.unkept = false;
      forget();
    } catch (error) {
      if ((error as { offline?: boolean }).offline) this.timer = window.setTimeout(() => void this.now(), 5 * PAUSE);
      else ground().fault(error as Error);
    }
  }

  async recall(): Promise<void> {
    try {
      const drawing = held() ?? (await ground().ask(`drawing?tab=${DRAFT}`))["drawing"];
      this.recalled = true;
      if (!drawing) return;
      const mine = this.easel.isEmpty() ? null : this.easel.drawing; // a slow line: she has begun
      await this.easel.load({ drawing });
      this.easel.surface.history.clear(this.easel.drawing);
      if (mine) this.easel.lay(mine);
      this.easel.refresh();
    } catch (error) {
      if ((error as { offline?: boolean }).offline) return void setTimeout(() => void this.recall(), 5 * PAUSE);
      this.recalled = true;
      ground().fault(error as Error);
    }
  }
}

function held(): unknown {
  try { return JSON.parse(localStorage.getItem(HELD) ?? "null"); } catch { return null; }
}

function forget(): void {
  try { localStorage.removeItem(HELD); } catch { /* a private window */ }
}
