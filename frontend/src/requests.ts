/** The API as functions. What the server refuses comes back as an `ApiError` with its own words. */
import { at } from "./addresses";
import type {
  ChatReceipt,
  ChatRequest,
  Conversation,
  LightsRequest,
  Problem,
  ShowView,
  StageView,
  TvRequest,
} from "./models";

const PATIENCE_MS = 8000;

/** What was wrong, and what to do about it. `status` is 0 when the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    title: string,
    readonly remedy: string,
  ) {
    super(title);
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const title = problem.title ?? `The server refused this (${response.status} ${response.statusText}).`;
  const place = problem.where ? ` (${problem.where})` : "";
  return new ApiError(response.status, `${title.replace(/\.$/, "")}${place}.`, problem.remedy ?? "");
}

async function call<Answer>(method: string, address: string, body?: unknown): Promise<Answer> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const content = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response: Response;
  try {
    response = await fetch(address, { method, signal, ...content });
  } catch {
    throw new ApiError(0, "The server does not answer.", "Is the show still running? It is tried again by itself.");
  }
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** What a conversation is started with; the server fills in the rest. */
export interface Start {
  readonly topic: string | null;
  readonly turns: number;
  readonly cast: readonly string[] | null;
}

export const api = {
  shows: () => call<ShowView[]>("GET", at("/api/shows")),
  start: (request: Start) => call<Conversation>("POST", at("/api/conversations"), request),
  stop: (id: string) => call<unknown>("DELETE", at("/api/conversations/{conversation_id}", { conversation_id: id })),
  chat: (request: ChatRequest) => call<ChatReceipt>("POST", at("/api/chat"), request),
  stage: () => call<StageView>("GET", at("/api/stage")),
  television: (request: TvRequest) => call<StageView>("POST", at("/api/stage/tv"), request),
  lights: (request: Partial<LightsRequest>) => call<StageView>("POST", at("/api/stage/lights"), request),
};
