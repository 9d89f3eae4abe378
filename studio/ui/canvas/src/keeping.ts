// The drawing is kept on the server a second after the last stroke, and is there again when the page opens.

import type { Easel } from "./easel";
import { ground } from "./ground";

const PAUSE = 1000;
export const DRAFT = "canvas"; // one sheet for every tab that draws

export class Keeping {
  private timer = 0;
  private sent = "";

  constructor(private readonly easel: Easel) {
    easel.on("rest", () => this.later());
    easel.on("size", () => this.later());
    addEventListener("pagehide", () => { if (this.timer) void this.now(true); });
  }

  later(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.now(), PAUSE);
  }

  async now(leaving = false): Promise<void> {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!leaving) await this.easel.pictures.settled().catch(() => undefined);
    const drawing = this.easel.json();
    const text = JSON.stringify(drawing);
    if (text === this.sent) return;
    try {
      // Browsers let a page that is being left send 64 KiB only.
      await ground().ask("drawing", { method: "PUT", json: { tab: DRAFT, drawing }, keepalive: leaving && text.length < 60_000 });
      this.sent = text;
    } catch (error) {
      if ((error as { offline?: boolean }).offline) this.timer = window.setTimeout(() => void this.now(), 5 * PAUSE);
      else ground().fault(error as Error);
    }
  }

  async recall(): Promise<void> {
    try {
      const said = await ground().ask(`drawing?tab=${DRAFT}`);
      if (!said["drawing"] || !this.easel.isEmpty()) return;
      await this.easel.load({ drawing: said["drawing"] });
      this.easel.surface.history.clear(this.easel.drawing);
      this.easel.refresh();
    } catch (error) { if (!(error as { offline?: boolean }).offline) ground().fault(error as Error); }
  }
}
