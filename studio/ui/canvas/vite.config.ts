import { defineConfig } from "vite";

const NOTICE = `/*! The drawing surface, built from ui/canvas by Vite. Contains perfect-freehand, (c) Stephen Ruiz Ltd, MIT licence. */`;

export default defineConfig({
  build: {
    outDir: process.env["CANVAS_OUT"] ?? "../assets",
    emptyOutDir: false,
    target: "es2022",
    copyPublicDir: false,
    reportCompressedSize: false,
    lib: { entry: "src/main.ts", formats: ["iife"], name: "inkstoneCanvas", fileName: () => "canvas.js" },
    rolldownOptions: { output: { postBanner: NOTICE } },
  },
});
