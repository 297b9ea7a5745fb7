import { defineConfig } from "vite";
import { compress, deeper } from "./compress";

/** `npm run dev` serves the page with reloading and hands everything else to a show that runs beside it. */
const show = process.env["DUOLOGUE_SHOW"] ?? "http://127.0.0.1:8081";

export default defineConfig({
  plugins: [deeper("face.html"), compress()],
  base: "./", // each show of a house has the page in a place of its own
  build: {
    outDir: "../src/duologue/web/static",
    emptyOutDir: true,
    target: "es2022",
    rollupOptions: { input: ["index.html", "face.html"] },
  },
  server: { proxy: { "/api": { target: show, ws: true }, "/stream": show, "/shows": show, "/healthz": show } },
});
