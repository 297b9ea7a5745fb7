/** In the place of a page whose code is on its way, or cannot be had. */
import type { JSX } from "preact";
import { Button } from "../controls/controls";
import { Sheet } from "../controls/sheet";

export function WaitingPage(): JSX.Element {
  return <main id="content" class="sheet" aria-busy="true" />;
}

export function UnloadedPage(): JSX.Element {
  return (
    <Sheet title="This page could not be fetched" lead="The server does not answer, or has another version of it by now.">
      <p>
        <Button kind="primary" icon="again" onPress={() => location.reload()}>
          Load it again
        </Button>
      </p>
    </Sheet>
  );
}
