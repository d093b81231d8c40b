// Asks again and again, politely: one question at a time, a pause after each answer, none while nobody looks.

export class Poller {
  private live = false;
  private asking = false;
  private again = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** ask must not throw; interval is asked anew before each pause, in milliseconds. */
  constructor(private readonly ask: () => Promise<void>, private readonly interval: () => number) {}

  /** Whether it goes on asking by itself. */
  setLive(live: boolean): void {
    if (live === this.live) {
      return;
    }
    this.live = live;
    if (live) {
      this.kick();
    } else {
      clearTimeout(this.timer);
      this.timer = undefined;
    }
  }

  /** Asks once, now; if a question is out, once more when it is answered. */
  kick(): void {
    if (this.asking) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asking = true;
    void this.ask().finally(() => this.answered());
  }

  dispose(): void {
    this.again = false;
    this.setLive(false);
  }

  private answered(): void {
    this.asking = false;
    if (this.again) {
      this.again = false;
      this.kick();
    } else if (this.live) {
      this.timer = setTimeout(() => this.kick(), this.interval());
    }
  }
}
