/** One message at the corner: goes by itself unless it is an error or someone points at it. */

const SHOWN_MS = 6000;

export function toast() {
  let timer = 0;
  let element: HTMLElement;
  return {
    init(): void {
      element = (this as unknown as { $el: HTMLElement }).$el;
      this.wait();
    },
    wait(): void {
      if (element.dataset["tone"] !== "error") timer = window.setTimeout(() => this.close(), SHOWN_MS);
    },
    hold(): void {
      window.clearTimeout(timer);
    },
    close(): void {
      element.remove();
    },
  };
}
