// Looking closely: wheel and pinch enlarge, dragging moves, a double press goes to the picture's own pixels.
(() => {
  "use strict";
  const ink = window.inkstone;
  const MOST = 16, SWIPE = 60;
  const within = (value, most) => Math.min(most, Math.max(-most, value));

  // `views` are frames of one size whose first child is moved, all alike; one that is far wider than
  // high slides along its length instead. Tells back how to return to the whole.
  ink.zoom = (views, { swipe = null, press = null, slide = () => false } = {}) => {
    const down = new Map();
    let k = 1, x = 0, y = 0, moved = 0, last = 0, began = null;

    const show = () => {
      const [view] = views;
      x = within(x, view.clientWidth * (k - 1) / 2);
      y = within(y, view.clientHeight * (k - 1) / 2);
      for (const one of views) {
        one.firstElementChild.style.transform = k === 1 ? "" : `translate(${x}px, ${y}px) scale(${k})`;
        one.classList.toggle("near", k > 1);
      }
    };
    // Enlarge so that what lies under a point stays there; the point is told from the view's middle.
    const scale = (wanted, px, py) => {
      const next = Math.min(MOST, Math.max(1, wanted));
      x = px - (px - x) * next / k;
      y = py - (py - y) * next / k;
      k = next;
      show();
    };
    const reset = () => { k = 1; x = y = 0; show(); };
    const place = (event, view) => {
      const box = view.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    };
    const spread = () => { const [a, b] = [...down.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };

    function pixels(view) {
      const image = view.querySelector("img"), shown = image.getBoundingClientRect().width / k;
      return Math.max(2, image.naturalWidth / devicePixelRatio / Math.max(1, shown));
    }

    for (const view of views) {
      view.style.touchAction = "none";
      view.addEventListener("wheel", (event) => {
        event.preventDefault();
        if (slide(-event.deltaX - event.deltaY)) return;
        scale(k * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018)), ...place(event, view));
      }, { passive: false });
      view.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        if (!down.size) { moved = 0; began = [event.clientX, event.clientY]; }
        down.set(event.pointerId, [event.clientX, event.clientY]);
        view.setPointerCapture(event.pointerId);
      });
      view.addEventListener("pointermove", (event) => {
        const before = down.get(event.pointerId);
        if (!before) return;
        const wide = down.size === 2 ? spread() : 0;
        down.set(event.pointerId, [event.clientX, event.clientY]);
        const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
        moved += Math.abs(dx) + Math.abs(dy);
        if (slide(dx)) return;
        if (wide) scale(k * spread() / wide, ...place(event, view));
        if (k > 1) { x += dx / down.size; y += dy / down.size; show(); }
      });
      const up = (event) => {
        if (!down.delete(event.pointerId) || down.size) return;
        const across = event.clientX - began[0], along = event.clientY - began[1];
        if (slide(0)) { if (moved < 6) press?.(event); }
        else if (event.type === "pointerup" && k === 1 && event.pointerType === "touch" && Math.abs(across) > SWIPE
          && Math.abs(across) > 2 * Math.abs(along)) swipe?.(across < 0 ? 1 : -1);
        else if (event.type === "pointerup" && moved < 6) {
          if (event.timeStamp - last < 320) { last = 0; if (k > 1) reset(); else scale(pixels(view), ...place(event, view)); }
          else { last = event.timeStamp; press?.(event); }
        }
      };
      view.addEventListener("pointerup", up);
      view.addEventListener("pointercancel", up);
    }
    return { reset, near: () => k > 1 };
  };
})();
