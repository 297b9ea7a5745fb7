/** A page to read: a heading, a word about it, and sections below. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { IconButton } from "./controls";

export function Sheet({ title, lead, children }: { title: string; lead: ComponentChildren; children: ComponentChildren }): JSX.Element {
  return (
    <main id="content" class="sheet">
      <header>
        <h1 tabIndex={-1}>{title}</h1>
        <p class="lead">{lead}</p>
      </header>
      {children}
    </main>
  );
}

interface SectionProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, note, children }: SectionProps): JSX.Element {
  const heading = useId();
  return (
    <section class="section" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        {note && <p class="quiet">{note}</p>}
      </header>
      {children}
    </section>
  );
}

/** What may be wider than a phone; keys scroll it too. */
export function Scrolled({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="scrolled" role="group" aria-label={title} tabIndex={0}>
      {children}
    </div>
  );
}

interface ListedProps {
  readonly title: string;
  readonly columns: readonly string[];
  /** How its columns are laid out, by name. */
  readonly kind?: string;
  /** A last column has what can be done with a row. */
  readonly orders?: boolean;
  readonly children: ComponentChildren;
}

/** Rows under the names of their columns. */
export function Listed({ title, columns, kind = "", orders = false, children }: ListedProps): JSX.Element {
  return (
    <Scrolled title={title}>
      <table class={`list ${kind}`}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            {orders && (
              <th scope="col">
                <span class="unseen">What can be done</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scrolled>
  );
}

/** Where there is nothing to show: why, and what would change that. */
export function Nothing({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="nothing">{children}</p>;
}

/** A line for a terminal, ready to be taken along. */
export function Command({ line, what }: { line: string; what: string }): JSX.Element {
  const taken = useSignal(false);
  const take = (): void => {
    void navigator.clipboard.writeText(line).then(() => {
      taken.value = true;
      window.setTimeout(() => (taken.value = false), 2000);
    });
  };
  // A page that came over plain HTTP from another machine may not write to the clipboard: the line can still be selected.
  const possible = "clipboard" in navigator;
  return (
    <div class="command">
      <code>{breakable(line)}</code>
      {possible && <IconButton icon="copy" label={`Copy the command ${what}`} onPress={take} />}
      <span class="unseen" role="status">
        {taken.value ? "Copied." : ""}
      </span>
    </div>
  );
}

/** A line that is broken at the joints of a variable and its values before it is broken within a word. */
function breakable(line: string): ComponentChildren[] {
  return (line.match(/.+?(?:__|[=,]|$)/g) ?? []).flatMap((part) => [part, <wbr />]);
}

/** A state in a word, with its light. */
export function State({ is, children }: { is: "good" | "wait" | "bad" | "off"; children: ComponentChildren }): JSX.Element {
  return <span class={`state ${is}`}>{children}</span>;
}
