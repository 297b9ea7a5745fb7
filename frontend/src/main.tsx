import "@fontsource-variable/inter";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/show.css";
import "./styles/stage.css";
import "./styles/panels.css";
import "./styles/sheets.css";
import "./styles/waterfall.css";
import "./styles/evidence.css";
import "./styles/phone.css";
import "./styles/talk.css";
import "./styles/lesson.css";
import { render } from "preact";
import { Page, PageContext } from "./page";
import { Shell } from "./shell";

const place = document.getElementById("page");
if (place) {
  const page = new Page(document.baseURI);
  render(
    <PageContext.Provider value={page}>
      <Shell />
    </PageContext.Provider>,
    place,
  );
  page.start(new AbortController().signal);
}
