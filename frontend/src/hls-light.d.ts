/** The build without subtitles, alternate audio and encryption, of which our stream has none. It has the same interface. */
declare module "hls.js/light" {
  export { default } from "hls.js";
  export * from "hls.js";
}
