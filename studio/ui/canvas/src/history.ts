// Undo over values: every state is kept whole, and states share what they have in common.

export const DEPTH = 200;

export class History<T> {
  private past: T[] = [];
  private future: T[] = [];

  constructor(private present: T) {}

  get now(): T { return this.present; }
  get canUndo(): boolean { return this.past.length > 0; }
  get canRedo(): boolean { return this.future.length > 0; }

  push(next: T): void {
    if (next === this.present) return;
    this.past.push(this.present);
    if (this.past.length > DEPTH) this.past.shift();
    this.present = next;
    this.future = [];
  }

  // Another present without a step of its own: what is not hers to undo.
  replace(next: T): void { this.present = next; }

  // The same change to every state, for what becomes known later (where an upload lies).
  everywhere(change: (state: T) => T): void {
    this.past = this.past.map(change);
    this.future = this.future.map(change);
    this.present = change(this.present);
  }

  undo(): boolean {
    const before = this.past.pop();
    if (before === undefined) return false;
    this.future.push(this.present);
    this.present = before;
    return true;
  }

  redo(): boolean {
    const after = this.future.pop();
    if (after === undefined) return false;
    this.past.push(this.present);
    this.present = after;
    return true;
  }

  clear(present: T): void {
    this.past = [];
    this.future = [];
    this.present = present;
  }
}
