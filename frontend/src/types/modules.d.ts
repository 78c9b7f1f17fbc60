declare module "@alpinejs/csp" {
  interface Alpine {
    data(name: string, component: (...args: never[]) => object): void;
    start(): void;
  }
  const alpine: Alpine;
  export default alpine;
}

declare module "htmx.org/dist/ext/hx-alpine-compat.js";
