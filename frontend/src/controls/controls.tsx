/** The controls of the page. Each is a native element underneath: keys, focus and readers come with it. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly icon?: IconName;
  readonly kind?: "primary" | "plain" | "ghost";
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly busy?: boolean;
  /** Said instead of the text, which it contains, when that is too short alone. */
  readonly label?: string;
  readonly onPress?: () => void;
}

export function Button({ children, icon, kind = "plain", type = "button", disabled, busy, label, onPress }: ButtonProps): JSX.Element {
  return (
    <button type={type} class={`button ${kind}`} disabled={disabled || busy} aria-busy={busy} aria-label={label} onClick={onPress}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

/** A button that shows only its pictogram; `label` is what a reader says and the pointer sees. */
export function IconButton({ icon, label, onPress }: { icon: IconName; label: string; onPress: () => void }): JSX.Element {
  return (
    <button type="button" class="button icon-only" aria-label={label} title={label} onClick={onPress}>
      <Icon name={icon} />
    </button>
  );
}

interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly icon?: IconName;
}

interface ChoiceProps<Value extends string> {
  readonly legend: string;
  readonly choices: readonly Choice<Value>[];
  readonly value: Value | null;
  readonly disabled?: boolean;
  readonly onChoose: (value: Value) => void;
}

/** One of a few, all in sight. */
export function Segmented<Value extends string>({ legend, choices, value, disabled, onChoose }: ChoiceProps<Value>): JSX.Element {
  const name = useId();
  return (
    <div class="segmented" role="radiogroup" aria-label={legend}>
      {choices.map((choice) => (
        <label key={choice.value}>
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === value}
            disabled={disabled}
            onChange={() => onChoose(choice.value)}
          />
          <span>
            {choice.icon && <Icon name={choice.icon} />}
            {choice.label}
          </span>
        </label>
      ))}
    </div>
  );
}

interface SelectProps {
  readonly label: string;
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly value: string;
  readonly disabled?: boolean;
  readonly onChoose: (value: string) => void;
}

/** One of many. */
export function Select({ label, choices, value, disabled, onChoose }: SelectProps): JSX.Element {
  return (
    <select
      class="field"
      aria-label={label}
      value={value}
      disabled={disabled}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}

interface SwitchProps {
  readonly label: string;
  readonly icon: IconName;
  readonly on: boolean;
  readonly disabled?: boolean;
  readonly onTurn: (on: boolean) => void;
}

/** Something that is on or off. */
export function Switch({ label, icon, on, disabled, onTurn }: SwitchProps): JSX.Element {
  return (
    <button type="button" role="switch" class="switch" aria-checked={on} disabled={disabled} onClick={() => onTurn(!on)}>
      <Icon name={icon} />
      <span>{label}</span>
      <span class="track" aria-hidden="true" />
    </button>
  );
}

/** A panel with a heading. */
export function Panel({
  name,
  title,
  aside,
  stale = false,
  children,
}: {
  name: string;
  title: string;
  aside?: ComponentChildren;
  stale?: boolean;
  children: ComponentChildren;
}): JSX.Element {
  const heading = useId();
  return (
    <section class={`panel ${name}${stale ? " stale" : ""}`} aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
