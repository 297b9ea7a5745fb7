/** The API's models by their short names. The shapes come from the schema; nothing is described twice. */
import type { components } from "./api";

type Schemas = components["schemas"];

export type Conversation = Schemas["ConversationView"];
export type CharacterView = Schemas["CharacterView"];
export type AnswerView = Schemas["AnswerView"];
export type EvidenceState = Schemas["EvidenceStateEvent"];
export type EvidenceSecond = Schemas["EvidenceSecondEvent"];
export type EvidenceAnswer = Schemas["EvidenceAnswerEvent"];
export type EvidenceEvent = EvidenceState | EvidenceSecond | EvidenceAnswer;
export type GrowingAnswer = Schemas["GrowingAnswerView"];
export type FrameSecond = Schemas["FrameSecondView"];
export type Incident = Schemas["IncidentView"];
export type LiveShow = Schemas["LiveShowView"];
export type MachineSecond = Schemas["MachineSecondView"];
export type RunView = Schemas["RunView"];
export type EngineView = Schemas["EngineView"];
export type HouseView = Schemas["HouseView"];
export type OutputView = Schemas["OutputView"];
export type PartView = Schemas["PartView"];
export type PlacesView = Schemas["PlacesView"];
export type Daylight = Schemas["Daylight"];
export type FaceEvent = Schemas["FaceLineEvent"] | Schemas["FaceStartEvent"] | Schemas["FaceCutEvent"];
export type KeyView = Schemas["KeyView"];
export type SetupView = Schemas["SetupView"];
export type UpgradeView = Schemas["UpgradeView"];
export type VoicesView = Schemas["VoicesView"];
export type Notice = Schemas["Notice"];
export type Problem = Schemas["Problem"];
export type Scope = Schemas["Scope"];
export type SessionView = Schemas["SessionView"];
export type SettingView = Schemas["SettingView"];
export type ShowView = Schemas["ShowView"];
export type StageView = Schemas["StageView"];
export type PaceView = Schemas["PaceView"];
export type StepView = Schemas["StepView"];
export type CallLevels = Schemas["CallLevels"];
export type CallTurn = Schemas["CallTurn"];
export type CallView = Schemas["CallView"];
export type LineView = Schemas["LineView"];
export type RegistrationView = Schemas["RegistrationView"];
export type TalkCharacter = Schemas["TalkCharacter"];
export type TalkLearning = Schemas["TalkLearning"];
export type TalkLesson = Schemas["TalkLessonView"];
export type FactChange = Schemas["FactChange"];
export type Memory = Schemas["MemoryView"];
export type TalkOffer = Schemas["TalkOffer"];
export type TalkView = Schemas["TalkView"];
export type TelemetryView = Schemas["TelemetryView"];
export type UsageView = Schemas["UsageView"];
export type UsageRow = Schemas["UsageRowView"];
export type CapView = Schemas["CapView"];
export type TurnView = Schemas["TurnView"];
export type WorkerView = Schemas["WorkerView"];
export type WordView = Schemas["WordView"];
export type ShowEvent =
  | Schemas["StateEvent"]
  | Schemas["ConversationEvent"]
  | Schemas["TurnEvent"]
  | Schemas["StageEvent"]
  | Schemas["TelemetryEvent"]
  | Schemas["PartEvent"]
  | Schemas["TalkEvent"]
  | Schemas["LineEvent"]
  | Schemas["CallEvent"]
  | Schemas["CallTurnEvent"]
  | Schemas["LevelsEvent"]
  | Schemas["TalkTurnEvent"]
  | Schemas["EnginesEvent"]
  | Schemas["WorkerEvent"]
  | Schemas["PlacesEvent"]
  | Schemas["OutputsEvent"]
  | Schemas["NoticeEvent"];
