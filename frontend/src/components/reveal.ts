/** Shows what is typed into a password field. */

export function reveal() {
  return {
    ready: true,
    shown: false,
    get hidden(): boolean {
      return !this.shown;
    },
    get type(): string {
      return this.shown ? "text" : "password";
    },
    toggle(): void {
      this.shown = !this.shown;
      const root = (this as unknown as { $root: HTMLElement }).$root;
      root.querySelector("input")!.type = this.type;
    },
  };
}
