// A wall of pictures in rows of equal height under a heading for each day, or month. Only what is near the window exists.
(() => {
  "use strict";
  const ink = window.inkstone;
  const HEAD = 46, REST = 70; // pixels of a heading; milliseconds a picture must stay before it is fetched
  const FEW = 4; // pictures a day, below which they hang by months

  // `hang(picture)` makes a picture's node; `more()` is called when the end of the wall comes near.
  ink.wall = (node, { hang, more }) => {
    let pictures = [], rows = [], at = new Map(), tall = 200, drawn = new Map(), asked = 0, width = 0, months = false;
    const fetched = new Set();

    const gap = () => (innerWidth < 700 ? 4 : 8);
    const days = new WeakMap(); // a picture's midnight; the same for as long as it hangs
    const day = (one) => {
      if (!days.has(one)) days.set(one, new Date(one.created * 1000).setHours(0, 0, 0, 0));
      return days.get(one);
    };

    const month = (one) => { const d = new Date(one.created * 1000); return new Date(d.getFullYear(), d.getMonth(), 1).getTime(); };

    function heading(time) {
      if (months) return new Date(time).toLocaleDateString(document.documentElement.lang || undefined, { year: "numeric", month: "long" });
      const today = day({ created: Date.now() / 1000 }), days = Math.round((today - time) / 86400000);
      if (days === 0) return ink.say("gallery.today");
      if (days === 1) return ink.say("gallery.yesterday");
      const far = new Date(time).getFullYear() !== new Date().getFullYear();
      return new Date(time).toLocaleDateString(document.documentElement.lang || undefined,
        { weekday: "long", day: "numeric", month: "long", ...(far ? { year: "numeric" } : {}) });
    }

    // Rows fill the width: their pictures are made a little smaller or larger; a day's last row is left open.
    function lay() {
      width = node.clientWidth;
      rows = [];
      at = new Map();
      if (!width) return;
      const between = gap();
      let top = 0, current = null, row = [], sum = 0;
      const close = (open) => {
        if (!row.length) return;
        const fit = (width - between * (row.length - 1)) / sum, height = Math.round(open ? Math.min(tall, fit) : fit);
        let left = 0;
        const places = row.map(({ index, ratio }, i) => {
          const wide = !open && i === row.length - 1 ? width - left : Math.round(height * ratio);
          const place = { index, left, width: wide };
          left += wide + between;
          return place;
        });
        places.forEach((place) => at.set(pictures[place.index].id, { row: rows.length, place }));
        rows.push({ top, height, places });
        top += height + between;
        row = [];
        sum = 0;
      };
      pictures.forEach((one, index) => {
        const now = months ? month(one) : day(one);
        if (now !== current) {
          close(true);
          current = now;
          rows.push({ top, height: HEAD, day: now });
          top += HEAD;
        }
        const ratio = Math.min(4, Math.max(0.3, one.width / one.height));
        row.push({ index, ratio });
        sum += ratio;
        if (sum * tall + between * (row.length - 1) >= width) close(false);
      });
      close(true);
      node.style.height = `${top}px`;
    }

    const key = (row) => (row.day === undefined ? `p${row.places[0].index}` : `d${row.day}`);

    function build(row) {
      if (row.day !== undefined) {
        const head = ink.make("h3", "day", heading(row.day));
        head.style.top = `${row.top}px`;
        return [head];
      }
      return row.places.map((place) => {
        const leaf = hang(pictures[place.index], place.index);
        leaf.style.cssText = `top:${row.top}px;left:${place.left}px;width:${place.width}px;height:${row.height}px`;
        const { id } = pictures[place.index], image = leaf.querySelector("img");
        const fetch = () => { image.src = ink.url(`thumb/${id}.webp`); };
        image.onload = () => { fetched.add(id); leaf.classList.add("here"); };
        if (fetched.has(id)) fetch();
        else setTimeout(() => { if (leaf.isConnected) fetch(); }, REST);
        return leaf;
      });
    }

    function draw() {
      if (!rows.length || !node.offsetParent) { if (!rows.length) clear(); return; }
      const shift = -node.getBoundingClientRect().top, margin = innerHeight;
      const from = shift - margin, to = shift + innerHeight + margin;
      let low = 0, high = rows.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (rows[middle].top + rows[middle].height < from) low = middle + 1; else high = middle;
      }
      const seen = new Map();
      for (let i = low; i < rows.length && rows[i].top <= to; i++) seen.set(key(rows[i]), rows[i]);
      for (const [name, nodes] of drawn) if (!seen.has(name)) { nodes.forEach((one) => one.remove()); drawn.delete(name); }
      let after = null;
      for (const [name, row] of [...seen].reverse()) {
        if (!drawn.has(name)) {
          const nodes = build(row);
          drawn.set(name, nodes);
          for (const one of [...nodes].reverse()) { node.insertBefore(one, after); after = one; }
        } else [after] = drawn.get(name);
      }
      if (node.offsetHeight - to < innerHeight) more();
    }

    function clear() {
      node.replaceChildren();
      drawn = new Map();
      if (!pictures.length) node.style.height = "0";
    }

    const later = () => { asked ||= requestAnimationFrame(() => { asked = 0; draw(); }); };
    const again = () => { lay(); clear(); draw(); };
    addEventListener("scroll", later, { passive: true, capture: true });
    new ResizeObserver(() => { if (node.clientWidth && node.clientWidth !== width) again(); else later(); }).observe(node);

    return {
      // Hang these. With `added`, those that hang already stay as they are.
      show(all, added = false) {
        pictures = all;
        const open = rows.at(-1), distinct = new Set(added ? [] : all.map(day)).size;
        if (!added) months = distinct > 3 && all.length / distinct < FEW;
        lay();
        if (added && open?.places) { // the open row may have been filled up
          const name = key(open);
          drawn.get(name)?.forEach((one) => one.remove());
          drawn.delete(name);
        } else if (!added) clear();
        draw();
      },
      draw: later,
      again,
      size(height) { tall = height; again(); },
      // The picture's neighbour: left, right, up, down.
      beside(id, way) {
        const here = at.get(id);
        if (!here) return pictures[0];
        if (way === "left" || way === "right") return pictures[here.place.index + (way === "left" ? -1 : 1)];
        const by = way === "up" ? -1 : 1, middle = here.place.left + here.place.width / 2;
        let row = here.row + by;
        while (rows[row] && rows[row].day !== undefined) row += by;
        if (!rows[row]) return undefined;
        const off = (place) => Math.abs(place.left + place.width / 2 - middle);
        return pictures[rows[row].places.reduce((best, place) => (off(place) < off(best) ? place : best)).index];
      },
      // Scroll so that a picture is in sight, and give its node.
      reveal(id) {
        const here = at.get(id);
        if (!here) return null;
        const row = rows[here.row], y = node.getBoundingClientRect().top + row.top;
        if (y < 130) scrollBy(0, y - 130);
        else if (y + row.height > innerHeight - 90) scrollBy(0, y + row.height - innerHeight + 90);
        draw();
        return node.querySelector(`[data-id="${id}"]`);
      },
    };
  };
})();
