import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

// The output is served by WhiteNoise as it is: Vite's hashes are the only ones (a second hash would break dynamic imports).
export default defineConfig({
  base: "/static/",
  plugins: [tailwindcss()],
  build: {
    outDir: "../dynamail/web/static_built",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // The content security policy allows neither data: fonts nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // The styles are an entry of their own: recipients' pages take them without any script.
    rolldownOptions: {
      input: ["src/app.ts", "src/styles/app.css"],
      // One React for every island that is written with it, kept by browsers when only the island changes.
      output: { codeSplitting: { groups: [{ name: "react", test: /node_modules\/(react|react-dom|scheduler)\// }] } },
    },
  },
});
