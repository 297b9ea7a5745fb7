/** The API's models by their short names. The shapes come from the schema; nothing is described twice. */
import type { components } from "./api";

type Schemas = components["schemas"];

export type Conversation = Schemas["Conversation"];
export type ConversationRequest = Schemas["ConversationRequest"];
export type ChatRequest = Schemas["ChatRequest"];
export type ChatReceipt = Schemas["ChatReceipt"];
export type CharacterView = Schemas["CharacterView"];
export type Daylight = Schemas["Daylight"];
export type LightsRequest = Schemas["LightsRequest"];
export type Notice = Schemas["Notice"];
export type Problem = Schemas["Problem"];
export type ShowView = Schemas["ShowView"];
export type StageView = Schemas["StageView"];
export type StepView = Schemas["StepView"];
export type TelemetryView = Schemas["TelemetryView"];
export type TurnView = Schemas["TurnView"];
export type TvRequest = Schemas["TvRequest"];
export type WordView = Schemas["WordView"];
export type ShowEvent =
  | Schemas["StateEvent"]
  | Schemas["ConversationEvent"]
  | Schemas["TurnEvent"]
  | Schemas["StageEvent"]
  | Schemas["TelemetryEvent"]
  | Schemas["NoticeEvent"];
