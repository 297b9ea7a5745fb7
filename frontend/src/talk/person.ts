/** Who this browser is to the house: an id of its own, by chance, where its person wants to be remembered. */
const ID = "duologue-person";
const WANTED = "duologue-remember";
const TOLD = "duologue-told";

/** Whether what is said here is to be remembered; it is, unless they said otherwise. */
export function remembers(): boolean {
  return read(WANTED) !== "no";
}

export function remember(wanted: boolean): void {
  write(WANTED, wanted ? "yes" : "no");
}

/** Whether they know already what this is. */
export function wasTold(): boolean {
  return read(TOLD) !== "";
}

export function tell(): void {
  write(TOLD, "yes");
}

/** The id, made when it is asked for the first time: 128 bits, so that nobody is somebody else by guessing. */
export function personId(): string {
  let id = read(ID);
  if (id === "") {
    id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    write(ID, id);
  }
  return id;
}

/** A browser may keep nothing, or forbid to ask. */
function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // then it is forgotten with the page
  }
}
