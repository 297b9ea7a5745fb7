/** Settings: what is in force and where each came from. They are read when the house starts, so nothing is changed here. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Button, Switch } from "../controls/controls";
import { Lacking } from "../controls/lacking";
import { Nothing, Section, Sheet } from "../controls/sheet";
import { label } from "../core/format";
import { bySection, chosenOf } from "../core/settings";
import type { SettingView } from "../models";
import { usePage } from "../page";
import { Setup } from "../panels/setup";
import { ApiError } from "../requests";

export function SettingsPage(): JSX.Element {
  const { api, state } = usePage();
  const all = useSignal<readonly SettingView[] | null>(null);
  const failure = useSignal<ApiError | null>(null);
  const wanted = useSignal("");
  const given = useSignal(false);
  const may = state.may("admin");
  const ask = (): void => {
    failure.value = null;
    void api.get("/api/settings").then(
      (found) => (all.value = found),
      (error: unknown) => (failure.value = error instanceof ApiError ? error : null),
    );
  };
  useEffect(ask, []);
  const sections = bySection(chosenOf(all.value ?? [], wanted.value, given.value));
  return (
    <Sheet
      title="Settings"
      lead={
        <>
          What is in force, and where each value came from: the defaults, <code>duologue.toml</code>, the environment, or a flag.
          They are read when the house starts; secrets are never shown.
        </>
      }
    >
      {!may && <Lacking scope="admin" />}
      {may && <Setup />}
      {failure.value && may && (
        <div class="nothing" role="alert">
          <p>
            {failure.value.message} {failure.value.remedy}
          </p>
          <Button icon="again" onPress={ask}>
            Ask again
          </Button>
        </div>
      )}
      {all.value && (
        <>
          <form class="row filter" role="search" onSubmit={(event) => event.preventDefault()}>
            <input
              class="field"
              type="search"
              aria-label="Find a setting"
              placeholder="Find a setting"
              value={wanted.value}
              onInput={(event) => (wanted.value = event.currentTarget.value)}
            />
            <Switch label="Only what was set" icon="settings" on={given.value} onTurn={(on) => (given.value = on)} />
          </form>
          {sections.length === 0 && (
            <Nothing>{given.value && !wanted.value ? "Everything is as it comes: nothing was set." : "No setting matches."}</Nothing>
          )}
          {sections.map(([name, settings]) => (
            <Section key={name} title={label(name)}>
              <dl class="settings">
                {settings.map((setting) => (
                  <Setting key={setting.key} setting={setting} />
                ))}
              </dl>
            </Section>
          ))}
        </>
      )}
    </Sheet>
  );
}

/** A sentence in which `backquotes` hold what is typed. */
function withCode(text: string): (JSX.Element | string)[] {
  return text.split("`").map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part));
}

function Setting({ setting: { key, value, source, what, why } }: { setting: SettingView }): JSX.Element {
  const given = source !== "default";
  return (
    <div class={given ? "given" : undefined}>
      <dt>
        <code>{key}</code>
        <span class="what">{withCode(what)}</span>
      </dt>
      <dd class="value">
        {value}
        {why && <span class="what">{why}</span>}
      </dd>
      <dd class="source">{source}</dd>
    </div>
  );
}
