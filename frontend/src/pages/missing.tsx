/** An address that no page has. */
import type { JSX } from "preact";
import { Sheet } from "../controls/sheet";
import { usePage } from "../page";

export function MissingPage(): JSX.Element {
  const { router } = usePage();
  return (
    <Sheet title="There is no such page" lead="The address names none of the pages of this house. These are there:">
      <ul class="plain">
        {router.routes.map((route) => (
          <li key={route.name}>
            <a href={router.href(route)}>{route.label}</a>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}
