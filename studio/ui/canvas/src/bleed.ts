// Colours that run over the edge of what is painted, the softer the further.

import { canvasOf, context } from "./ink";

// The picture with its holes filled from around them: averages of what is there, pulled up a pyramid and laid
// under it (pull-push, Gortler et al. 1996). Transparent only where nothing is painted at all.
export function bled(picture: HTMLCanvasElement): CanvasRenderingContext2D {
  const { width, height } = picture;
  const whole = context(canvasOf(width, height));
  whole.drawImage(picture, 0, 0);
  whole.imageSmoothingQuality = "high";
  whole.globalCompositeOperation = "destination-over";
  let coarse = picture;
  while (Math.max(coarse.width, coarse.height) > 1) {
    const next = context(canvasOf(Math.ceil(coarse.width / 2), Math.ceil(coarse.height / 2)));
    next.imageSmoothingQuality = "high";
    next.drawImage(coarse, 0, 0, next.canvas.width, next.canvas.height);
    coarse = next.canvas;
    // Several times: what is half transparent by averaging is to cover what comes under it.
    for (let i = 0; i < 3; i += 1) whole.drawImage(coarse, 0, 0, width, height);
  }
  return whole;
}
