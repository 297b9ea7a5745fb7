/** What every page has: the top line with the ways to the others, and notices; below it the page that the address names. */
import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./controls/icons";
import { useLate, type Component, type Load } from "./controls/late";
import { label } from "./core/format";
import { showless } from "./core/house";
import { useKnown, usePage } from "./page";
import { UnloadedPage, WaitingPage } from "./pages/late";
import { MissingPage } from "./pages/missing";
import { NoShowPage } from "./pages/no-show";
import { Toasts } from "./panels/toasts";
import { Topic } from "./panels/topic";
import { EVIDENCE, PHONE, SERVICES, SETTINGS, SHOW, TALK } from "./routes";

/** The code of each page comes when it is first shown. */
const PAGES: Readonly<Record<string, Load>> = {
  [SHOW.name]: async () => (await import("./pages/show")).ShowPage,
  [TALK.name]: async () => (await import("./pages/talk")).TalkPage,
  [PHONE.name]: async () => (await import("./pages/phone")).PhonePage,
  [EVIDENCE.name]: async () => (await import("./pages/evidence")).EvidencePage,
  [SERVICES.name]: async () => (await import("./pages/services")).ServicesPage,
  [SETTINGS.name]: async () => (await import("./pages/settings")).SettingsPage,
};
const missing: Load = async () => MissingPage;
const LINK_WORDS = { connecting: "Connecting…", open: "Connected", lost: "Connection lost. Trying again…" } as const;

export function Shell(): JSX.Element {
  const { router, state, talk } = usePage();
  const route = router.route.value;
  const talking = route === TALK && talk.going.value;
  const dark = route === SHOW && showless(state.house.value);
  const late = useLate((route && PAGES[route.name]) ?? missing);
  const Shown: Component = dark ? NoShowPage : late === "failed" ? UnloadedPage : (late ?? WaitingPage);
  const box = useRef<HTMLDivElement>(null);
  useTitle();
  const met = useRef(0);
  useEffect(() => {
    // whoever moved on by key or by voice goes on at the new page's heading; the first one is where the browser is
    const heading = box.current?.querySelector<HTMLElement>("h1");
    if (!heading || met.current === router.moves.value) return;
    met.current = router.moves.value;
    heading.focus({ preventScroll: true });
  }, [router.moves.value, Shown]);
  return (
    <div class="page" data-page={route && !dark ? route.label.toLowerCase() : "missing"} ref={box}>
      <a class="skip" href="#content">
        Skip to the page
      </a>
      <header class="top">
        <p class="brand">Duologue</p>
        <Ways />
        <Shows />
        <Topic />
        <Connection />
      </header>
      <Shown />
      {!talking && <Toasts />} {/* the house's notices wait: a conversation is told what concerns it, in its own words */}
    </div>
  );
}

/** `Evidence · Duologue`, and whose, where there are several shows. */
function useTitle(): void {
  const { router, state } = usePage();
  useSignalEffect(() => {
    const route = router.route.value;
    const show = state.shows.value.length > 1 ? state.shows.value.find((one) => one.here) : undefined;
    const parts = [route ? (route === SHOW ? "" : route.label) : "No such page", show ? label(show.name) : "", "Duologue"];
    document.title = parts.filter(Boolean).join(" · ");
  });
}

function Ways(): JSX.Element {
  const { router, state } = usePage();
  const open = router.routes.filter((route) => route.scope === undefined || state.may(route.scope));
  return (
    <nav class="ways" aria-label="Pages">
      {open.map((route) => (
        <a key={route.name} href={router.href(route)} aria-current={router.route.value === route ? "page" : undefined}>
          <Icon name={route.icon} />
          {route.label}
        </a>
      ))}
    </nav>
  );
}

/** The way to the other shows of this house, when there are any. */
function Shows(): JSX.Element | null {
  const { router, state } = usePage();
  const all = state.shows.value;
  if (all.length < 2) return null;
  const name = router.route.value?.name ?? "";
  return (
    <nav class="shows" aria-label="Shows">
      {all.map((show) => (
        <a key={show.name} href={show.page + name} aria-current={show.here ? "page" : undefined} title={show.failure || show.topic}>
          {label(show.name)}
          {show.state === "failed" && <span class="quiet"> (failed)</span>}
          {show.state === "over" && <span class="quiet"> (over)</span>}
        </a>
      ))}
    </nav>
  );
}

function Connection(): JSX.Element {
  const { link, session } = useKnown();
  const name = session.value?.name;
  return (
    <p class={`link ${link.value}`} role="status" title={name ? `With the token ${name}` : undefined}>
      {LINK_WORDS[link.value]}
    </p>
  );
}
