/** The show's address in a house that has none. */
import type { JSX } from "preact";
import { Command, Section, Sheet } from "../controls/sheet";
import { usePage } from "../page";
import { SERVICES, TALK } from "../routes";

export function NoShowPage(): JSX.Element {
  const { router } = usePage();
  return (
    <Sheet title="No show is on in this house" lead="It was started without one, so there is nothing to watch here.">
      <Section title="What there is">
        <p>
          <a href={router.href(TALK)}>Talk with a character</a>, or see <a href={router.href(SERVICES)}>which services</a> are running.
          A house with a show is started by:
        </p>
        <Command line="duologue show" what="that starts a house with a show" />
      </Section>
    </Sheet>
  );
}
