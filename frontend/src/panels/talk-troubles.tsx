/** What stands against a conversation, or ended it: what is wrong, and what to do about it. */
import type { JSX } from "preact";
import { IconButton } from "../controls/controls";
import { usePage } from "../page";
import { farewell, type Trouble } from "../talk/talk";

export function TalkTroubles(): JSX.Element {
  const { talk } = usePage();
  const link = talk.link.value;
  const welcome = talk.welcome.value;
  const deaf: Trouble | null =
    welcome && !welcome.microphone && talk.going.value
      ? { what: "Nobody is free to listen: every place is taken.", remedy: "Typing works; for the microphone begin another conversation later." }
      : null;
  const parting = link?.is === "over" ? farewell(link.bye, link.why) : null;
  const standing = [talk.trouble.value, deaf, parting].filter((one) => one !== null);
  return (
    <div class="talk-troubles" role="alert">
      {standing.map((one, index) => (
        <p key={index}>
          <strong>{one.what}</strong> {one.remedy}
        </p>
      ))}
      {talk.notices.value.map((one) => (
        <div key={one.what} class="talk-notice">
          <p>
            <strong>{one.what}</strong> {one.remedy}
          </p>
          <IconButton icon="close" label={`Dismiss: ${one.what}`} onPress={() => talk.dismiss(one)} />
        </div>
      ))}
    </div>
  );
}
