/** The pages of the house: their addresses, their names, and who is shown the way. */
import type { IconName } from "./controls/icons";
import type { Scope } from "./models";
import type { Route } from "./router";

export interface PageRoute extends Route {
  readonly icon: IconName;
  /** Shown to whoever has this scope; absent: to everyone. */
  readonly scope?: Scope;
}

export const SHOW = { name: "", label: "Show", icon: "show" } as const;
export const TALK = { name: "talk", label: "Talk", icon: "talk" } as const;
export const PHONE = { name: "phone", label: "Phone", icon: "phone", scope: "line" } as const;
export const EVIDENCE = { name: "evidence", label: "Evidence", icon: "evidence" } as const;
export const SERVICES = { name: "services", label: "Services", icon: "services" } as const;
export const SETTINGS = { name: "settings", label: "Settings", icon: "settings", scope: "admin" } as const;

export const ROUTES: readonly PageRoute[] = [SHOW, TALK, PHONE, EVIDENCE, SERVICES, SETTINGS];
