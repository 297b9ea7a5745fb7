/** Tabs as the ARIA authoring practices have them: arrows move, Home and End too, what is chosen is shown at once. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";

const NARROW = "(max-width: 699px)";

/** Whether the window is a phone's. */
export function useNarrow(): ReadonlySignal<boolean> {
  const narrow = useSignal(matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const look = (): void => {
      narrow.value = query.matches;
    };
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return narrow;
}

/** The ids by which a tab and its panel name each other. */
export function tabIds(name: string): { tab: string; panel: string } {
  return { tab: `tab-${name}`, panel: `panel-${name}` };
}

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly name: Name; readonly label: string }[];
  readonly shown: Name;
  readonly onShow: (name: Name) => void;
}

export function Tabs<Name extends string>({ label, tabs, shown, onShow }: TabsProps<Name>): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const key = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const at = tabs.findIndex(({ name }) => name === shown);
    const places: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 };
    const place = places[event.key];
    const next = place === undefined ? undefined : tabs[(place + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    onShow(next.name);
    list.current?.querySelector<HTMLElement>(`#${tabIds(next.name).tab}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={key}>
      {tabs.map((tab) => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          id={tabIds(tab.name).tab}
          aria-controls={tabIds(tab.name).panel}
          aria-selected={tab.name === shown}
          tabIndex={tab.name === shown ? 0 : -1}
          onClick={() => onShow(tab.name)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
