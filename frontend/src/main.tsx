import "@fontsource-variable/inter";
import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/stage.css";
import "./styles/panels.css";
import { render } from "preact";
import { App } from "./app";
import { EventLine } from "./events";

const place = document.getElementById("page");
if (place) render(<App />, place);
new EventLine().open();
