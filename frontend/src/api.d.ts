// Generated from the API schema by `npm run types`. Do not edit.

export interface paths {
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Session
         * @description Which token this request brought, and its scopes.
         */
        get: operations["get_session"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Settings
         * @description Every setting, its value and where it came from, as ``duologue settings`` prints them.
         */
        get: operations["list_settings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every
         * @description The shows of this house; each has the same addresses below its own place.
         */
        get: operations["list_shows"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/house": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * House
         * @description The house now: its parts, the engines that they share, who talks, and how many more may. What was said in talks
         *     is told to those who may read it (the scope `admin`).
         */
        get: operations["get_house"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every
         * @description The remembered conversations, newest first, without their turns.
         */
        get: operations["list_conversations"];
        put?: never;
        /**
         * Start
         * @description Start a conversation. Its address is in the ``Location`` header.
         */
        post: operations["start_conversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/conversations/{conversation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One
         * @description A conversation with its turns and their timings.
         */
        get: operations["get_conversation"];
        put?: never;
        post?: never;
        /**
         * Stop
         * @description Stop a conversation at once. Stopping one that is over changes nothing.
         */
        delete: operations["stop_conversation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/chat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Chat
         * @description Say something to a character; it answers on stage in its next turn.
         */
        post: operations["chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stage
         * @description The stage now.
         */
        get: operations["get_stage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stage/tv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tv
         * @description Play a film on the TV, looped, or switch it off.
         */
        post: operations["set_tv"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stage/lights": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Lights
         * @description Change the time of day, the lamp, or both.
         */
        post: operations["set_lights"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stage/caption": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Caption
         * @description Show a text until it is replaced; an empty one takes it away.
         */
        post: operations["set_caption"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stage/utterances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Queue
         * @description The clips that are not over, in order.
         */
        get: operations["list_utterances"];
        put?: never;
        /**
         * Say
         * @description Put a clip of speech on the stage, said by a character after what is queued there.
         *
         *     The sound is any single file (WAV, MP3, FLAC, Ogg, M4A, WebM …) of at most 120 s. The fields of `UtteranceRequest`
         *     come in the form or in the address; `marks` is a JSON list of `ClipMark`.
         */
        post: operations["say"];
        /**
         * Clear
         * @description Skip every clip that is not over; the conversation goes on.
         */
        delete: operations["clear_utterances"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/stage/utterances/{utterance_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One
         * @description A clip and the time of each of its steps.
         */
        get: operations["get_utterance"];
        put?: never;
        post?: never;
        /**
         * Skip
         * @description Take a clip out of the queue, or fade it out. Skipping one that is over changes nothing.
         */
        delete: operations["skip_utterance"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events
         * @description Everything that happens, as it happens: the state of what was asked for, then what changes.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/evidence/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events
         * @description The newest of the show of this place, frame by frame, of the machine and of the answers in talks and calls; then
         *     what each second adds: its frames, what went wrong with them and why, each process; and each step of an answer that
         *     is being made. No word that anybody said.
         */
        get: operations["evidence_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every
         * @description The runs that are kept, the newest first: of shows; of calls with the scope `line`, of talks with `admin`.
         */
        get: operations["list_runs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{run}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Report
         * @description The report of a run, or of what was between two moments: a page, Markdown or JSON. It is made anew, which takes
         *     some seconds for an hour of a show; one is made at a time. Its times of day are UTC, or so many minutes ahead.
         */
        get: operations["get_report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{run}/sound": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sound
         * @description What was heard in a run, where recording was asked for (`dialogue.record_folder`, `phone.record`).
         */
        get: operations["get_run_sound"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stream/index.m3u8": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Playlist
         * @description The live media playlist.
         */
        get: operations["get_playlist"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stream/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Resource
         * @description An initialisation section or a media segment that the playlist names.
         */
        get: operations["get_stream_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Healthz
         * @description Whether the process works at all; if not, restart it.
         */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Readyz
         * @description Whether each part that is switched on would serve somebody now; of several shows one is enough. The reasons tell
         *     of all that would not. In a show's place: whether it would.
         */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics
         * @description Prometheus' text exposition: of one show in its place, else of the house with all of its parts. Who accepts
         *     OpenMetrics is given that of the house, with exemplars: the trace of a turn that counted.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every
         * @description Every child process of the house. Changes come as events of the topic `engines`.
         */
        get: operations["list_workers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/workers/{name}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restart
         * @description Put another in its place when it is done with what it is at, after ten seconds at the latest; what was being said
         *     goes on. The answer tells how it is then.
         */
        post: operations["restart_worker"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/parts/{topic}/{order}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Direct
         * @description Stop a part (what it is at ends), start one that was stopped or waits for its next try, or both. The answer tells
         *     how it is at once; what becomes of it comes as events.
         */
        post: operations["direct_part"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/voices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Voices
         * @description The voices of each engine that speaks now, in order of preference.
         */
        get: operations["list_voices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Setup
         * @description Which keys are there, never their value; and what a better voice or mind would take, checked now.
         */
        get: operations["get_setup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/voices/try": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try Voice
         * @description What the voice says, as a WAV file. One is tried at a time, and it gives way to conversations.
         */
        post: operations["try_voice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/engines/{kind}/{name}/warm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Warm
         * @description Bring an engine up; one that speaks says a line, unheard. How it is then.
         */
        post: operations["warm_engine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Usage
         * @description Tokens, characters and minutes of sound by engine, person, run or day, with their cost and today's caps.
         */
        get: operations["get_usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/faces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every
         * @description The characters that have a face.
         */
        get: operations["list_faces"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/faces/{character}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One
         * @description How the picture of a character is put together.
         */
        get: operations["get_face"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/faces/{character}/atlas.png": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Picture
         * @description The picture: every layer of the character, each once.
         */
        get: operations["get_face_picture"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/faces/{character}/idle/{block}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Idle
         * @description Twenty seconds of what it does while nobody speaks; block after block it goes on for ever.
         */
        get: operations["get_face_idle"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/faces/{character}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events
         * @description What it does in its lines, whoever talks with it: `line` when one is voiced, `start` and `end` of its sound.
         */
        get: operations["face_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/line": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Line
         * @description The line, its registrations, and its calls without their turns: one message, however many there are. Changes come
         *     as events of the topic `line`.
         */
        get: operations["get_line"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/line/calls/{call}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Call
         * @description A call that goes on, or is one of the newest that are over, with its newest 100 turns.
         */
        get: operations["get_call"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/line/calls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Dial
         * @description Call somebody, for a character to talk with. How it goes is told by events.
         */
        post: operations["dial"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/line/calls/{call}/hang_up": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hang Up
         * @description End a call at once.
         */
        post: operations["hang_up_call"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/line/calls/{call}/transfer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Transfer
         * @description Hand a call over; the character says so before. When nobody is there, it goes on.
         */
        post: operations["transfer_call"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/line/calls/{call}/whisper": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Whisper
         * @description Tell the character something that the caller does not hear; it counts from its next answer on.
         */
        post: operations["whisper"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every
         * @description Who can be asked: a character for a chat, an engine for speech and transcriptions.
         */
        get: operations["v1_list_models"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One
         * @description One of them.
         */
        get: operations["v1_get_model"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audio/speech": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Speech
         * @description The sound as a file that grows; with ``stream_format`` ``sse`` as events that hold its pieces.
         */
        post: operations["v1_speech"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audio/transcriptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Transcribe
         * @description Any single file of sound, ten minutes at most.
         */
        post: operations["v1_transcribe"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audio/translations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Translate
         * @description The same in English, whatever is spoken, where an engine that hears can.
         */
        post: operations["v1_translate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Chat
         * @description The next words of a character. ``usage`` counts words and marks: no engine tells how many tokens those are.
         */
        post: operations["v1_chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/realtime/client_secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Client Secrets
         * @description A secret for a page that must not know a token: for ten minutes it opens sessions as they are described here.
         */
        post: operations["v1_client_secrets"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/phone/twilio/voice": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Voice
         * @description What Twilio is to do with a call: open a stream to us, or say that we are busy.
         */
        post: operations["twilio_voice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/talk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Talk
         * @description Who may be talked to, on the socket at the same address. What is said on it is described under `Talk…`.
         */
        get: operations["get_talk"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/people/me/memory": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Memory
         * @description What is remembered of you, and told to whom you talk with.
         */
        get: operations["get_memory"];
        /**
         * Change
         * @description Have just this remembered: facts that are left out are forgotten, those without an id are new.
         */
        put: operations["change_memory"];
        post?: never;
        /**
         * Forget Memory
         * @description Have all facts forgotten. What was said stays.
         */
        delete: operations["forget_memory"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/people/me/memory/{fact}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Forget Fact
         * @description Have one fact forgotten.
         */
        delete: operations["forget_fact"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/people/me/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export
         * @description All that is kept of you, as `duologue export` prints it.
         */
        get: operations["export_person"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/people/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Forget
         * @description Have all of you forgotten: conversations, recordings, memory, vocabulary.
         */
        delete: operations["forget_person"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AnswerStage
         * @description A stage of a silence.
         */
        AnswerStage: {
            /** Name */
            name: string;
            /** Ms */
            ms: number;
        };
        /**
         * AnswerView
         * @description The silence before an answer in a talk or a call, stage by stage; without what was said. `at`: the person's
         *     speech ended.
         */
        AnswerView: {
            /** Id */
            id: string;
            /**
             * Of
             * @enum {string}
             */
            of: "talk" | "call";
            /** Speaker */
            speaker: string;
            /** At */
            at: number;
            /** Stages */
            stages: components["schemas"]["AnswerStage"][];
        };
        /**
         * AudioFormat
         * @description 24 kHz, 16 bits, little-endian; or G.711 at 8 kHz.
         */
        AudioFormat: {
            /**
             * Type
             * @default audio/pcm
             * @enum {string}
             */
            type: "audio/pcm" | "audio/pcmu" | "audio/pcma";
            /** Rate */
            rate?: number | null;
        };
        /**
         * AudioInput
         * @description What comes from the person.
         */
        AudioInput: {
            format?: components["schemas"]["AudioFormat"] | null;
            transcription?: components["schemas"]["Transcription"] | null;
            turn_detection?: components["schemas"]["TurnDetection"] | null;
            /** Noise Reduction */
            noise_reduction?: unknown;
        };
        /**
         * AudioOutput
         * @description What the person hears.
         */
        AudioOutput: {
            format?: components["schemas"]["AudioFormat"] | null;
            /** Voice */
            voice?: string | components["schemas"]["VoiceId"] | null;
            /** Speed */
            speed?: unknown;
        };
        /**
         * CallEvent
         * @description A call came, changed or is over (its ``turns`` are left out here).
         */
        CallEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "call";
            call: components["schemas"]["CallView"];
        };
        /**
         * CallLevels
         * @description How loud a call is now: RMS, dB below full scale (-90: silence).
         */
        CallLevels: {
            /** Call */
            call: string;
            /** Caller Db */
            caller_db: number;
            /** Character Db */
            character_db: number;
            /**
             * Hearing
             * @description What is being understood of the caller.
             * @default
             */
            hearing: string;
        };
        /**
         * CallState
         * @description The life of a call.
         * @enum {string}
         */
        CallState: "ringing" | "talking" | "held" | "transferring" | "ended";
        /**
         * CallTurn
         * @description What one of the two said on a call. Times are Unix ms, null while unknown.
         */
        CallTurn: {
            /** Id */
            id: string;
            /** Call */
            call: string;
            /**
             * Person
             * @description The caller said it.
             */
            person: boolean;
            /**
             * Operator
             * @description An operator who had taken the call over said it, or wrote it for the character to say.
             * @default
             * @enum {string}
             */
            operator: "" | "spoken" | "written";
            /** Text */
            text: string;
            /**
             * State
             * @description writing, voicing, queued, on_air, ended, withdrawn or failed.
             */
            state: string;
            /**
             * At
             * @description When the silence before it began; of a caller's turn, when it was over.
             */
            at: number | null;
            /**
             * Stages
             * @description Of that silence, one after another.
             * @default []
             */
            stages: components["schemas"]["StageTime"][];
            /**
             * Points
             * @description Timing points of an answer, ms after the caller's last word: t1, t2, t3 and others.
             * @default {}
             */
            points: {
                [key: string]: number;
            };
            /**
             * Interrupted
             * @default false
             */
            interrupted: boolean;
            /**
             * Failure
             * @default
             */
            failure: string;
            /**
             * Handovers
             * @default []
             */
            handovers: string[];
        };
        /**
         * CallTurnEvent
         * @description A turn on a call changed.
         */
        CallTurnEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "call_turn";
            turn: components["schemas"]["CallTurn"];
        };
        /**
         * CallView
         * @description A call. Times are Unix ms, null while unknown.
         */
        CallView: {
            /** Id */
            id: string;
            /** Caller */
            caller: string;
            /** Called */
            called: string;
            /**
             * Display
             * @description What the caller calls itself; nobody has checked it.
             * @default
             */
            display: string;
            /**
             * Account
             * @default
             */
            account: string;
            /**
             * Carrier
             * @default sip
             * @enum {string}
             */
            carrier: "sip" | "twilio" | "audiosocket";
            /**
             * Codec
             * @default
             */
            codec: string;
            /**
             * Outgoing
             * @description We called.
             * @default false
             */
            outgoing: boolean;
            /** Character */
            character: string;
            /** Title */
            title: string;
            /**
             * Colour
             * @description Of the character, as CSS has it; empty: it has none of its own.
             * @default
             */
            colour: string;
            state: components["schemas"]["CallState"];
            /** Offered */
            offered: number;
            /** Answered */
            answered?: number | null;
            /** Ended */
            ended?: number | null;
            /**
             * Reason
             * @description Why it is over.
             * @default
             */
            reason: string;
            /**
             * Failed
             * @description It ended by a fault.
             * @default false
             */
            failed: boolean;
            /**
             * Half Duplex
             * @default false
             */
            half_duplex: boolean;
            /**
             * Recorded
             * @default false
             */
            recorded: boolean;
            /**
             * Transfer
             * @description To whom it is handed over.
             * @default
             */
            transfer: string;
            /**
             * Digits
             * @description The newest keys that the caller pressed.
             * @default
             */
            digits: string;
            /**
             * Loss
             * @description Share of packets that are missing, newest.
             */
            loss?: number | null;
            /** Jitter Ms */
            jitter_ms?: number | null;
            /** Round Trip Ms */
            round_trip_ms?: number | null;
            /**
             * Answers
             * @description Of the character, to what it was told.
             * @default 0
             */
            answers: number;
            /**
             * Wait Ms
             * @description The middle of the silences before them.
             */
            wait_ms?: number | null;
            /**
             * Said
             * @description The newest words on it, cut short.
             * @default
             */
            said: string;
            /**
             * Operator
             * @description Who has taken it over, by name; empty: the character speaks.
             * @default
             */
            operator: string;
            /**
             * Listeners
             * @description Who attends it: docs/phone.md, *Listening to a call*.
             * @default 0
             */
            listeners: number;
            /**
             * Said By Caller
             * @description The words of `said` are the caller's.
             * @default false
             */
            said_by_caller: boolean;
            /**
             * Turns
             * @description The newest 100, oldest first, where this call alone is asked for; else left out.
             * @default []
             */
            turns: components["schemas"]["CallTurn"][];
        };
        /**
         * CapView
         * @description A cap of the day that is now.
         */
        CapView: {
            /**
             * Engine
             * @description Or `all`: of all together that have a price, or are somebody's server.
             */
            engine: string;
            /**
             * Unit
             * @enum {string}
             */
            unit: "money" | "tokens" | "characters" | "minutes";
            /** Limit */
            limit: number;
            /** Used */
            used: number;
            /** Reached */
            reached: boolean;
        };
        /**
         * CaptionRequest
         * @description Show a text as the caption (empty: none) until it is replaced; what is spoken takes precedence.
         */
        CaptionRequest: {
            /** Text */
            text: string;
        };
        /**
         * CharacterView
         * @description A character of the cast on stage.
         */
        CharacterView: {
            /** Name */
            name: string;
            /** Title */
            title: string;
            /**
             * Tagline
             * @default
             */
            tagline: string;
            /**
             * Colour
             * @description For its name in the transcript, as #rrggbb.
             * @default #888888
             */
            colour: string;
        };
        /**
         * ChatCompletionMessage
         * @description A message of the conversation so far.
         */
        ChatCompletionMessage: {
            /**
             * Role
             * @enum {string}
             */
            role: "system" | "developer" | "user" | "assistant" | "tool";
            /** Content */
            content?: string | components["schemas"]["TextPart"][] | null;
            /**
             * Name
             * @default
             */
            name: string;
            /** Tool Calls */
            tool_calls?: components["schemas"]["FunctionCall"][] | null;
            /**
             * Tool Call Id
             * @default
             */
            tool_call_id: string;
        };
        /**
         * ChatCompletionRequest
         * @description What is asked. ``model`` is a character's name; a system message is added to how it speaks.
         */
        ChatCompletionRequest: {
            /** Model */
            model: string;
            /** Messages */
            messages: components["schemas"]["ChatCompletionMessage"][];
            /**
             * Stream
             * @default false
             */
            stream: boolean;
            /**
             * @default {
             *       "include_usage": false
             *     }
             */
            stream_options: components["schemas"]["StreamOptions"];
            /** Temperature */
            temperature?: number | null;
            /** Max Tokens */
            max_tokens?: number | null;
            /** Max Completion Tokens */
            max_completion_tokens?: number | null;
            /**
             * Seed
             * @default 0
             */
            seed: number;
            /** Stop */
            stop?: string | string[] | null;
            /** Tools */
            tools?: components["schemas"]["DeclaredTool"][];
            /**
             * Tool Choice
             * @default auto
             * @enum {string}
             */
            tool_choice: "auto" | "none";
            /**
             * @default {
             *       "type": "text"
             *     }
             */
            response_format: components["schemas"]["ResponseFormat"];
        } & {
            [key: string]: unknown;
        };
        /**
         * ChatReceipt
         * @description The answer to a chat message: the turn that will hold the character's reply.
         */
        ChatReceipt: {
            /** Turn */
            turn: string;
            /**
             * Accepted
             * @default true
             */
            accepted: boolean;
        };
        /**
         * ChatRequest
         * @description Something a person says to a character by name.
         */
        ChatRequest: {
            /**
             * To
             * @description A character's name.
             */
            to: string;
            /**
             * Text
             * @description 1 to 400 characters after trimming.
             */
            text: string;
            /**
             * Author
             * @default guest
             */
            author: string;
        };
        /**
         * ClientSecretView
         * @description A secret, until when it is good (Unix seconds), and the session that it opens.
         */
        ClientSecretView: {
            /** Value */
            value: string;
            /** Expires At */
            expires_at: number;
            /** Session */
            session: {
                [key: string]: unknown;
            };
        };
        /**
         * CompatibleError
         * @description An error as OpenAI's API has it.
         */
        CompatibleError: {
            error: components["schemas"]["ErrorBody"];
        };
        /**
         * ConversationEvent
         * @description A conversation began, changed state or ended (its ``turns`` are left out here).
         */
        ConversationEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "conversation";
            conversation: components["schemas"]["ConversationView"];
        };
        /**
         * ConversationRequest
         * @description Start a conversation. Without a topic one is picked from the list.
         */
        ConversationRequest: {
            /**
             * Topic
             * @description What they talk about, 1 to 400 characters after trimming.
             */
            topic?: string | null;
            /**
             * Turns
             * @description Turns of both speakers; default: as many as show.turns says.
             */
            turns?: number | null;
            /**
             * Cast
             * @description Two names of the cast on stage; default: all of it.
             */
            cast?: string[] | null;
            /** Seed */
            seed?: number | null;
        };
        /**
         * ConversationState
         * @description The life of a conversation.
         * @enum {string}
         */
        ConversationState: "waiting" | "running" | "ended" | "stopped" | "failed";
        /**
         * ConversationView
         * @description A conversation with all of its turns so far.
         */
        ConversationView: {
            /** Id */
            id: string;
            /** Topic */
            topic: string;
            /** Cast */
            cast: string[];
            /** Turns Planned */
            turns_planned: number;
            /** Seed */
            seed: number;
            state: components["schemas"]["ConversationState"];
            /** Started */
            started: number;
            /** Ended */
            ended?: number | null;
            /**
             * Failure
             * @default
             */
            failure: string;
            /**
             * Turns
             * @default []
             */
            turns: components["schemas"]["TurnView"][];
        };
        /**
         * Daylight
         * @description The time of day outside the window.
         * @enum {string}
         */
        Daylight: "day" | "evening" | "night";
        /**
         * Declared
         * @description A function that the client runs.
         */
        Declared: {
            /** Name */
            name: string;
            /**
             * Description
             * @default
             */
            description: string;
            /** Parameters */
            parameters?: {
                [key: string]: unknown;
            };
        };
        /**
         * DeclaredTool
         * @description A tool of the client's.
         */
        DeclaredTool: {
            /**
             * Type
             * @constant
             */
            type: "function";
            function: components["schemas"]["Declared"];
        };
        /**
         * DialReceipt
         * @description The call that was placed.
         */
        DialReceipt: {
            /** Call */
            call: string;
        };
        /**
         * DialRequest
         * @description Call somebody.
         */
        DialRequest: {
            /**
             * To
             * @description An address as sip:17@pbx.example, or an extension.
             */
            to: string;
            /**
             * Account
             * @description As which account of ours; empty: as nobody's.
             * @default
             */
            account: string;
        };
        /**
         * EngineView
         * @description An engine that speaks, thinks or hears, in order of preference. ``cause`` tells its last failure, while it
         *     counts, or the cap that it has reached.
         */
        EngineView: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "tts" | "llm" | "stt";
            /** Name */
            name: string;
            /**
             * State
             * @description cold: it has not come up; out: it failed and has not done its work since; spent: it has reached a cap of the day.
             * @enum {string}
             */
            state: "ready" | "cold" | "out" | "spent";
            /**
             * Failures
             * @description In a row.
             * @default 0
             */
            failures: number;
            /**
             * Cause
             * @default
             */
            cause: string;
            /**
             * Last Failure
             * @description Remembered when it is well again; empty: it has never failed.
             * @default
             */
            last_failure: string;
            /**
             * Restarts
             * @description Of its workers, since the start.
             * @default 0
             */
            restarts: number;
            /**
             * Note
             * @description Why it was chosen, if that was left to us, and where its voice is from.
             * @default
             */
            note: string;
            /**
             * Workers
             * @description Its child processes, by name.
             * @default []
             */
            workers: string[];
            /**
             * Device
             * @description Where it computes: this machine's CPU, or somebody else's server.
             * @default
             */
            device: string;
            /**
             * Cold Ms
             * @description Its start, and its first sound or word after it.
             */
            cold_ms?: number | null;
            /**
             * Warm Ms
             * @description Until the first sound or word since: the median.
             */
            warm_ms?: number | null;
            /**
             * Characters
             * @description It speaks or writes so many a second.
             */
            characters?: number | null;
            /**
             * Expected
             * @description So many it did here when its model was fetched.
             */
            expected?: number | null;
        };
        /**
         * EnginesEvent
         * @description The health of the engines that all share changed.
         */
        EnginesEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "engines";
            /** Engines */
            engines: components["schemas"]["EngineView"][];
        };
        /**
         * ErrorBody
         * @description What went wrong; ``param`` names the field.
         */
        ErrorBody: {
            /** Message */
            message: string;
            /** Type */
            type: string;
            /** Param */
            param?: string | null;
            /** Code */
            code?: string | null;
        };
        /**
         * EvidenceAnswerEvent
         * @description An answer that is being made has come a stage further, or is `over`: it is heard now, or never will be.
         */
        EvidenceAnswerEvent: {
            /**
             * Type
             * @default answer
             * @constant
             */
            type: "answer";
            answer: components["schemas"]["GrowingAnswerView"];
            /** Over */
            over: boolean;
        };
        /**
         * EvidenceSecondEvent
         * @description What one more second added. An incident that is known is replaced.
         */
        EvidenceSecondEvent: {
            /**
             * Type
             * @default second
             * @constant
             */
            type: "second";
            show: components["schemas"]["LiveShowView"] | null;
            second: components["schemas"]["FrameSecondView"] | null;
            /** Incidents */
            incidents: components["schemas"]["IncidentView"][];
            machine: components["schemas"]["MachineSecondView"];
            /** Answers */
            answers: components["schemas"]["AnswerView"][];
        };
        /**
         * EvidenceStateEvent
         * @description What a reader begins with, and gets again when it was too slow: the newest, of bounded size.
         */
        EvidenceStateEvent: {
            /**
             * Type
             * @default state
             * @constant
             */
            type: "state";
            show: components["schemas"]["LiveShowView"] | null;
            /**
             * Seconds
             * @description The newest minute, frame by frame.
             */
            seconds: components["schemas"]["FrameSecondView"][];
            /** @description The newest ten minutes. */
            history: components["schemas"]["FrameHistory"];
            /**
             * Incidents
             * @description The newest hundred, oldest first.
             */
            incidents: components["schemas"]["IncidentView"][];
            /**
             * Machine
             * @description The newest two minutes.
             */
            machine: components["schemas"]["MachineSecondView"][];
            /**
             * Answers
             * @description The newest sixty.
             */
            answers: components["schemas"]["AnswerView"][];
            /**
             * Growing
             * @description Those that are being made.
             */
            growing: components["schemas"]["GrowingAnswerView"][];
        };
        /**
         * ExpiresAfter
         * @description How long a secret opens sessions, in seconds.
         */
        ExpiresAfter: {
            /**
             * Anchor
             * @default created_at
             * @constant
             */
            anchor: "created_at";
            /**
             * Seconds
             * @default 600
             */
            seconds: number;
        };
        /**
         * FaceAtlas
         * @description How the picture of a character is put together.
         */
        FaceAtlas: {
            /** Width */
            width: number;
            /** Height */
            height: number;
            /**
             * Scale
             * @description Pixels of the canvas for a pixel of a pose.
             */
            scale: number;
            /**
             * Neck
             * @description What all but the body turns about.
             */
            neck: [
                number,
                number
            ];
            /**
             * Reach
             * @description How far the pupils move for a gaze of 1.
             */
            reach: [
                number,
                number
            ];
            /** Layers */
            layers: {
                [key: string]: components["schemas"]["FaceLayer"];
            };
        };
        /**
         * FaceCutEvent
         * @description A line is over; so much of it was heard.
         */
        FaceCutEvent: {
            /**
             * Type
             * @default end
             * @constant
             */
            type: "end";
            /** Id */
            id: string;
            /**
             * In Ms
             * @description So far ahead, as of a start.
             */
            in_ms: number;
            /** Played Ms */
            played_ms: number;
        };
        /**
         * FaceLayer
         * @description A layer of a character: where it lies in the picture, and its corner on the canvas.
         */
        FaceLayer: {
            /** Left */
            left: number;
            /** Top */
            top: number;
            /** Width */
            width: number;
            /** Height */
            height: number;
            /** X */
            x: number;
            /** Y */
            y: number;
        };
        /**
         * FaceLineEvent
         * @description What a face does in a line, by the line's id; the same id again: it has grown. Frame 0 is its first sound.
         */
        FaceLineEvent: {
            /**
             * Type
             * @default line
             * @constant
             */
            type: "line";
            /** Id */
            id: string;
            track: components["schemas"]["FaceView"];
        };
        /**
         * FaceStartEvent
         * @description A line begins to be heard.
         */
        FaceStartEvent: {
            /**
             * Type
             * @default start
             * @constant
             */
            type: "start";
            /** Id */
            id: string;
            /**
             * In Ms
             * @description So far ahead; below 0: it has been heard for so long.
             */
            in_ms: number;
        };
        /**
         * FaceView
         * @description What a face does, 30 times a second: the first is frame `first` of what it is of. `mouths`, `lids` and `brows`
         *     have a letter for each frame (docs/face.md), `values` seven whole numbers, in hundredths: gaze, angle of the head,
         *     place of the head and of the body.
         */
        FaceView: {
            /** First */
            first: number;
            /** Mouths */
            mouths: string;
            /** Lids */
            lids: string;
            /** Brows */
            brows: string;
            /** Values */
            values: number[];
        };
        /**
         * FactChange
         * @description A fact as it is to be; without an id it is a new one.
         */
        FactChange: {
            /**
             * Id
             * @default
             */
            id: string;
            /** Text */
            text: string;
            /**
             * Kind
             * @default fact
             * @enum {string}
             */
            kind: "fact" | "learnt" | "joke";
            /**
             * Character
             * @default
             */
            character: string;
        };
        /**
         * FactView
         * @description Something that is remembered of a person. Times are Unix ms.
         */
        FactView: {
            /** Id */
            id: string;
            /** Text */
            text: string;
            /**
             * Kind
             * @description `fact` (they told it), `learnt` or `joke`.
             */
            kind: string;
            /**
             * Character
             * @description Who alone knows it; empty: all do.
             */
            character: string;
            /**
             * Source
             * @description Who wrote it down: `rules`, `model` or `person`.
             */
            source: string;
            /** At */
            at: number;
        };
        /**
         * FrameHistory
         * @description Seconds of a show, oldest first, in columns of one length.
         */
        FrameHistory: {
            /** At */
            at: number[];
            /** P50 */
            p50: number[];
            /** P95 */
            p95: number[];
            /** Most */
            most: number[];
            /** Late */
            late: number[];
            /** Left Out */
            left_out: number[];
        };
        /**
         * FrameSecondView
         * @description The frames of a show that were told in the second before `at`, from number `first` on.
         */
        FrameSecondView: {
            /** At */
            at: number;
            /** First */
            first: number;
            /**
             * Costs
             * @description What drawing and encoding each took.
             */
            costs: number[];
            /**
             * Lateness
             * @description How long after its due time each was ready; below 0: ahead of it.
             */
            lateness: number[];
            /**
             * Periods
             * @description Frame periods that each stands for: 2 at half the picture rate.
             */
            periods: number[];
            /** Late */
            late: number;
            /**
             * Over Budget
             * @description Dearer than their period: the lead hides them.
             */
            over_budget: number;
            /** Left Out */
            left_out: number;
            /** P50 */
            p50: number;
            /** P95 */
            p95: number;
            /** Most */
            most: number;
        };
        /**
         * Function
         * @description A call as the model wrote it.
         */
        Function: {
            /** Name */
            name: string;
            /**
             * Arguments
             * @default
             */
            arguments: string;
        };
        /**
         * FunctionCall
         * @description A call of an assistant's message.
         */
        FunctionCall: {
            /** Id */
            id: string;
            /**
             * Type
             * @default function
             * @constant
             */
            type: "function";
            function: components["schemas"]["Function"];
        };
        /**
         * FunctionTool
         * @description A function that the client runs.
         */
        FunctionTool: {
            /**
             * Type
             * @constant
             */
            type: "function";
            /** Name */
            name: string;
            /** Description */
            description?: string | null;
            /** Parameters */
            parameters?: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * GrowingAnswerView
         * @description An answer in a talk or a call that nobody has heard yet: the stages of its silence that are over, and the `stage`
         *     that goes on `since` then.
         */
        GrowingAnswerView: {
            /** Id */
            id: string;
            /**
             * Of
             * @enum {string}
             */
            of: "talk" | "call";
            /** Speaker */
            speaker: string;
            /**
             * At
             * @description The person's speech ended.
             */
            at: number;
            /** Stages */
            stages: components["schemas"]["AnswerStage"][];
            /** Stage */
            stage: string;
            /** Since */
            since: number;
        };
        /**
         * Health
         * @description A verdict and, when it is bad, the reasons.
         */
        Health: {
            /** Ok */
            ok: boolean;
            /**
             * Reasons
             * @default []
             */
            reasons: string[];
        };
        /**
         * HouseView
         * @description The running system: its parts, the engines that they share, and who talks.
         */
        HouseView: {
            /**
             * Parts
             * @default []
             */
            parts: components["schemas"]["PartView"][];
            /**
             * Engines
             * @default []
             */
            engines: components["schemas"]["EngineView"][];
            /**
             * Workers
             * @default []
             */
            workers: components["schemas"]["WorkerView"][];
            /**
             * Outputs
             * @default []
             */
            outputs: components["schemas"]["OutputView"][];
            /**
             * Places
             * @default []
             */
            places: components["schemas"]["PlacesView"][];
            /**
             * Waiting
             * @description Those who wait for a place.
             * @default 0
             */
            waiting: number;
            /** @description null: nothing is kept. */
            store?: components["schemas"]["StoreView"] | null;
            /**
             * Talks
             * @description Those that go on.
             * @default []
             */
            talks: components["schemas"]["TalkView"][];
        };
        /**
         * IncidentView
         * @description Something that viewers may have noticed: late frames in a row, or frames that were left out.
         */
        IncidentView: {
            /** Id */
            id: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "late" | "left out";
            /** At */
            at: number;
            /** First */
            first: number;
            /** Last */
            last: number;
            /** Frames */
            frames: number;
            /** Worst Ms */
            worst_ms: number;
            /**
             * Cause
             * @description As docs/evidence.md names them; `unknown` is one.
             */
            cause: string;
            /**
             * Share
             * @description How much of what was lost the cause explains (0…1).
             */
            share: number;
            /** Lost Ms */
            lost_ms: number;
            /** Why */
            why: string;
            /**
             * Meanwhile
             * @description What else happened then.
             */
            meanwhile: string[];
        };
        /**
         * JsonSchema
         * @description The schema that an answer should follow.
         */
        JsonSchema: {
            /**
             * Name
             * @default
             */
            name: string;
            /** Schema */
            schema?: {
                [key: string]: unknown;
            };
        };
        /**
         * KeyView
         * @description Whether the key of an engine on somebody else's server is in the environment. Its value is told nobody.
         */
        KeyView: {
            /** Engine */
            engine: string;
            /** Variable */
            variable: string;
            /** Present */
            present: boolean;
            /**
             * Chosen
             * @description The engine is one of those that are set.
             */
            chosen: boolean;
        };
        /**
         * LevelsEvent
         * @description Twice a second, of the calls that go on.
         */
        LevelsEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "levels";
            /** Levels */
            levels: components["schemas"]["CallLevels"][];
        };
        /**
         * LightsRequest
         * @description Change the time of day, the lamp, or both.
         */
        LightsRequest: {
            daylight?: components["schemas"]["Daylight"] | null;
            /** Lamp */
            lamp?: boolean | null;
        };
        /**
         * LineEvent
         * @description The phone line changed: where it listens, its registrations, how many calls it took. Without its calls.
         */
        LineEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "line";
            line: components["schemas"]["LineView"];
        };
        /**
         * LineView
         * @description The phone line.
         */
        LineView: {
            /**
             * Listens
             * @description Where, as sip addresses; empty: it does not.
             * @default []
             */
            listens: string[];
            /**
             * Takes Calls
             * @default false
             */
            takes_calls: boolean;
            /**
             * Reasons
             * @description Why it would take no call now.
             * @default []
             */
            reasons: string[];
            /** Places */
            places: number;
            /**
             * Registrations
             * @default []
             */
            registrations: components["schemas"]["RegistrationView"][];
            /**
             * Transfers
             * @default []
             */
            transfers: components["schemas"]["TransferView"][];
            /**
             * Calls
             * @description Those that go on, then the newest that are over; all without their turns.
             * @default []
             */
            calls: components["schemas"]["CallView"][];
            /**
             * Answered
             * @description Since the start.
             * @default 0
             */
            answered: number;
            /**
             * Refused
             * @description Those that were sent away since the start.
             * @default 0
             */
            refused: number;
            /**
             * Refusals
             * @description Those by reason: source (an address that may not call), scanner, rate (a stranger came too fast), peer_rate (a PBX that is known did, and was told when to try again), password (or signature), extension, media (no sound that both can), request (not understood), places, busy (the engines carry no more), overload (the machine is short of CPU for the calls that go on), closing, unready, fault.
             * @default {}
             */
            refusals: {
                [key: string]: number;
            };
        };
        /**
         * LiveShowView
         * @description A show while it goes on. `run` is the run that is kept of it; empty: none is.
         */
        LiveShowView: {
            /** Of */
            of: string;
            /** Run */
            run: string;
            /** Fps */
            fps: number;
            /** Budget Ms */
            budget_ms: number;
            /** Began */
            began: number;
            /** Frames */
            frames: number;
            /** Late */
            late: number;
            /** Over Budget */
            over_budget: number;
            /** Left Out */
            left_out: number;
        };
        /**
         * MachineSecondView
         * @description The machine in the second before `at`. Shares are percent of all cores.
         */
        MachineSecondView: {
            /** At */
            at: number;
            /** Cores */
            cores: number;
            /** Busy */
            busy: number;
            /**
             * Others
             * @description What programs used that are none of ours.
             */
            others: number;
            /**
             * Steal
             * @description What the hypervisor gave to other machines.
             */
            steal: number;
            /** Available Mb */
            available_mb: number;
            /** Disk Wait Ms */
            disk_wait_ms: number;
            /** Loop Lag Ms */
            loop_lag_ms: number;
            /** Processes */
            processes: components["schemas"]["ProcessView"][];
        };
        /**
         * MemoryChange
         * @description All that is to be remembered: what is left out is forgotten. ``name`` null: as it was.
         */
        MemoryChange: {
            /** Name */
            name?: string | null;
            /** Facts */
            facts: components["schemas"]["FactChange"][];
        };
        /**
         * MemoryView
         * @description What is remembered of whoever asks, the newest first.
         */
        MemoryView: {
            /**
             * Name
             * @description What they are called; empty: they did not say.
             */
            name: string;
            /** Facts */
            facts: components["schemas"]["FactView"][];
        };
        /**
         * ModelView
         * @description A model. ``created`` is told of none: it is 0.
         */
        ModelView: {
            /** Id */
            id: string;
            /**
             * Object
             * @default model
             * @constant
             */
            object: "model";
            /**
             * Created
             * @default 0
             */
            created: number;
            /**
             * Owned By
             * @default duologue
             */
            owned_by: string;
        };
        /**
         * ModelsView
         * @description All models.
         */
        ModelsView: {
            /**
             * Object
             * @default list
             * @constant
             */
            object: "list";
            /** Data */
            data: components["schemas"]["ModelView"][];
        };
        /**
         * Notice
         * @description A word to the person at the page: what happened, and what they can do.
         */
        Notice: {
            /**
             * Level
             * @enum {string}
             */
            level: "info" | "warning" | "error";
            /** Text */
            text: string;
            /**
             * Remedy
             * @default
             */
            remedy: string;
        };
        /**
         * NoticeEvent
         * @description Something a person should know.
         */
        NoticeEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "notice";
            notice: components["schemas"]["Notice"];
        };
        /**
         * OutputView
         * @description A way out. What went wrong last is told also when it is up again.
         */
        OutputView: {
            /**
             * Of
             * @description The topic of what it is of: `show:NAME`.
             */
            of: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "hls" | "recording";
            /**
             * Where
             * @description An address of this server, or a file's name.
             */
            where: string;
            /**
             * State
             * @description starting: nothing has gone out yet; down: nothing goes out, it is tried again; over: it is whole.
             * @enum {string}
             */
            state: "starting" | "up" | "down" | "over";
            /**
             * Reconnects
             * @description Times that it went on after a break, since the show was opened.
             * @default 0
             */
            reconnects: number;
            /**
             * Bits Per Second
             * @description Of the newest ten seconds; null: none.
             */
            bits_per_second?: number | null;
            /**
             * Frames Per Second
             * @description The same.
             */
            frames_per_second?: number | null;
            /**
             * Megabytes
             * @description Of the newest file.
             */
            megabytes?: number | null;
            /**
             * Waiting
             * @description Segments (a second each) that wait for the disk.
             * @default 0
             */
            waiting: number;
            /**
             * Lost
             * @description Segments that were left out.
             * @default 0
             */
            lost: number;
            /**
             * Last Failure
             * @description Empty: nothing ever went wrong.
             * @default
             */
            last_failure: string;
        };
        /**
         * OutputsEvent
         * @description How what goes out is: all of it, once a second while it changes.
         */
        OutputsEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "outputs";
            /** Outputs */
            outputs: components["schemas"]["OutputView"][];
        };
        /**
         * PaceView
         * @description A voice that is slower than the show would have it, and what a viewer sees of that.
         */
        PaceView: {
            /**
             * Words
             * @description What a viewer sees of it, in a sentence; empty: the voice keeps up.
             */
            words: string;
            /**
             * Factor
             * @description Seconds that the voice takes for a second of speech.
             * @default 0
             */
            factor: number;
            /**
             * Since
             * @description Unix ms.
             * @default 0
             */
            since: number;
        };
        /**
         * PartEvent
         * @description A part of the house changed its state.
         */
        PartEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "part";
            part: components["schemas"]["PartView"];
        };
        /**
         * PartState
         * @description The life of a part of the house: a show, the conversations with people, a line.
         * @enum {string}
         */
        PartState: "starting" | "up" | "restarting" | "stopped" | "over" | "failed";
        /**
         * PartView
         * @description A part of the house, as whoever keeps it sees it.
         */
        PartView: {
            /** Name */
            name: string;
            /**
             * Topic
             * @description Of its events.
             */
            topic: string;
            state: components["schemas"]["PartState"];
            /**
             * Failure
             * @description Why its last run ended, until it is up again.
             * @default
             */
            failure: string;
            /**
             * Last Failure
             * @description The same, remembered; empty: it has never failed.
             * @default
             */
            last_failure: string;
            /**
             * Restarts
             * @description Times that it was started again.
             * @default 0
             */
            restarts: number;
            /**
             * Due
             * @description When it is started again, Unix ms.
             */
            due?: number | null;
            /**
             * Reasons
             * @description Why it would serve nobody now.
             * @default []
             */
            reasons: string[];
        };
        /**
         * PlacesEvent
         * @description A place was taken, given back, or asked for in vain.
         */
        PlacesEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "places";
            /** Places */
            places: components["schemas"]["PlacesView"][];
            /** Waiting */
            waiting: number;
        };
        /**
         * PlacesView
         * @description How many conversations an engine of a kind carries at once, and how many places are taken.
         */
        PlacesView: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "listener" | "voice" | "thought";
            /**
             * Places
             * @description null: no limit is known.
             */
            places: number | null;
            /** Taken */
            taken: number;
            /**
             * Refused
             * @description Those who were sent away since the start.
             * @default 0
             */
            refused: number;
            /**
             * Waited
             * @description Those who had to wait.
             * @default 0
             */
            waited: number;
        };
        /**
         * Problem
         * @description An error's answer (after RFC 9457): what was wrong, where, and the next step.
         */
        Problem: {
            /** Title */
            title: string;
            /**
             * Where
             * @default
             */
            where: string;
            /**
             * Remedy
             * @default
             */
            remedy: string;
            /** Status */
            status: number;
        };
        /**
         * ProcessView
         * @description A process of ours in one second. `wait_ms`: how long its threads were ready and no core ran them.
         */
        ProcessView: {
            /** Name */
            name: string;
            /**
             * Cpu
             * @description Percent of a core.
             */
            cpu: number;
            /** Rss Mb */
            rss_mb: number;
            /** Wait Ms */
            wait_ms: number;
        };
        /**
         * RegistrationView
         * @description An extension of ours at a PBX.
         */
        RegistrationView: {
            /**
             * Account
             * @description The extension.
             */
            account: string;
            /**
             * Display
             * @default
             */
            display: string;
            /**
             * Character
             * @description Who answers it.
             */
            character: string;
            /**
             * State
             * @description trying: not yet, or again; failed: it is not tried any more; off: the line takes no calls.
             * @enum {string}
             */
            state: "registered" | "trying" | "failed" | "off";
            /**
             * Registrar
             * @description The one in use.
             * @default
             */
            registrar: string;
            /**
             * Why
             * @description Why it cannot be called, or will not be for much longer.
             * @default
             */
            why: string;
        };
        /**
         * ResponseFormat
         * @description Text, any JSON object, or one that follows a schema.
         */
        ResponseFormat: {
            /**
             * Type
             * @default text
             * @enum {string}
             */
            type: "text" | "json_object" | "json_schema";
            json_schema?: components["schemas"]["JsonSchema"] | null;
        };
        /**
         * RunView
         * @description A run that is kept: what it is, and how long. Times are Unix ms.
         */
        RunView: {
            /** Id */
            id: string;
            /**
             * What
             * @description `show`, `talk` or `call`.
             */
            what: string;
            /** Of */
            of: string;
            /** Title */
            title: string;
            /**
             * State
             * @description `live`, `over` or `cut off`.
             */
            state: string;
            /** Began */
            began: number;
            /** Ended */
            ended: number;
            /** Turns */
            turns: number;
            /** Frames */
            frames: number;
            /** Late */
            late: number;
            /** Left Out */
            left_out: number;
            /**
             * Lost
             * @description Lines that never reached the disk.
             */
            lost: number;
            /** Bytes */
            bytes: number;
            /**
             * Sound
             * @description Its sound was kept, and can be heard.
             */
            sound: boolean;
        };
        /**
         * Scope
         * @description Something that a token may allow. To look on (the page, the stream, what is said) any token is enough.
         * @enum {string}
         */
        Scope: "talk" | "stage" | "line" | "admin";
        /**
         * SecretRequest
         * @description What ``client_secrets`` is asked for.
         */
        SecretRequest: {
            /**
             * @default {
             *       "anchor": "created_at",
             *       "seconds": 600
             *     }
             */
            expires_after: components["schemas"]["ExpiresAfter"];
            /**
             * @default {
             *       "type": "realtime"
             *     }
             */
            session: components["schemas"]["SessionFields"];
        };
        /**
         * SessionAudio
         * @description Both ways.
         */
        SessionAudio: {
            input?: components["schemas"]["AudioInput"] | null;
            output?: components["schemas"]["AudioOutput"] | null;
        };
        /**
         * SessionFields
         * @description What a session may be told to be; what is left out stays as it was.
         */
        SessionFields: {
            /**
             * Type
             * @default realtime
             * @constant
             */
            type: "realtime";
            /** Model */
            model?: string | null;
            /** Output Modalities */
            output_modalities?: ("audio" | "text")[] | null;
            /** Instructions */
            instructions?: string | null;
            audio?: components["schemas"]["SessionAudio"] | null;
            /** Tools */
            tools?: components["schemas"]["FunctionTool"][] | null;
            /** Tool Choice */
            tool_choice?: unknown;
            /** Max Output Tokens */
            max_output_tokens?: number | "inf" | null;
            /** Prompt */
            prompt?: unknown;
            /** Tracing */
            tracing?: unknown;
            /** Truncation */
            truncation?: unknown;
            /** Include */
            include?: unknown;
            /** Reasoning */
            reasoning?: unknown;
            /** Parallel Tool Calls */
            parallel_tool_calls?: unknown;
            /** Object */
            object?: unknown;
            /** Id */
            id?: unknown;
            /** Expires At */
            expires_at?: unknown;
        };
        /**
         * SessionView
         * @description What whoever asks may do besides looking on.
         */
        SessionView: {
            /** Name */
            name: string;
            /** Guarded */
            guarded: boolean;
            /** Scopes */
            scopes: components["schemas"]["Scope"][];
        };
        /**
         * SettingView
         * @description A setting in force; what is secret is masked. ``source`` is ``default``, a file, a variable or a flag.
         */
        SettingView: {
            /** Key */
            key: string;
            /** Value */
            value: string;
            /** Source */
            source: string;
            /** What */
            what: string;
            /** Why */
            why: string;
        };
        /**
         * SetupStep
         * @description Something to do, and the line for a terminal that does it.
         */
        SetupStep: {
            /** Words */
            words: string;
            /** Command */
            command: string;
        };
        /**
         * SetupView
         * @description What is there, and what could be.
         */
        SetupView: {
            /** Keys */
            keys: components["schemas"]["KeyView"][];
            /** Upgrades */
            upgrades: components["schemas"]["UpgradeView"][];
        };
        /**
         * ShowView
         * @description A show of the house, and where its parts are. The first one is at ``/`` too.
         */
        ShowView: {
            /** Name */
            name: string;
            state: components["schemas"]["PartState"];
            /**
             * Failure
             * @description Why it is not on air.
             * @default
             */
            failure: string;
            /**
             * Topic
             * @description Of the conversation that is on.
             * @default
             */
            topic: string;
            /**
             * Here
             * @description It is the one that this request was put to.
             */
            here: boolean;
            /** Page */
            page: string;
            /** Stream */
            stream: string;
            /** Events */
            events: string;
            /** Metrics */
            metrics: string;
        };
        /**
         * SpeechRequest
         * @description What is to be said, and how. ``voice`` is a character's name, an engine's voice, or one of OpenAI's names.
         */
        SpeechRequest: {
            /** Input */
            input: string;
            /** Model */
            model: string;
            /** Voice */
            voice: string | components["schemas"]["SpeechVoice"];
            /**
             * Response Format
             * @default mp3
             * @enum {string}
             */
            response_format: "mp3" | "opus" | "aac" | "flac" | "wav" | "pcm";
            /**
             * Stream Format
             * @default audio
             * @enum {string}
             */
            stream_format: "audio" | "sse";
        } & {
            [key: string]: unknown;
        };
        /**
         * SpeechVoice
         * @description A voice by its id.
         */
        SpeechVoice: {
            /** Id */
            id: string;
        };
        /**
         * StageEvent
         * @description The stage changed.
         */
        StageEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "stage";
            stage: components["schemas"]["StageView"];
        };
        /**
         * StageTime
         * @description A stage of the silence before an answer, by the ledger's name of it.
         */
        StageTime: {
            /** Name */
            name: string;
            /** Ms */
            ms: number;
        };
        /**
         * StageView
         * @description The stage now.
         */
        StageView: {
            /** Ready */
            ready: boolean;
            /** Cast */
            cast: components["schemas"]["CharacterView"][];
            /** Room */
            room: string;
            /** Width */
            width: number;
            /** Height */
            height: number;
            /** Fps */
            fps: number;
            daylight: components["schemas"]["Daylight"];
            /** Lamp */
            lamp: boolean;
            /**
             * Tv
             * @description The film that plays; empty: off.
             * @default
             */
            tv: string;
            /** Films */
            films: string[];
            /** Caption */
            caption: string;
            /**
             * Topics
             * @description Suggestions for a topic.
             * @default []
             */
            topics: string[];
            /**
             * Turns
             * @description Of a conversation, unless its request says otherwise.
             */
            turns: number;
            /**
             * Origin
             * @description Unix ms of the show's first sample.
             */
            origin: number;
            /**
             * Restarts
             * @default 0
             */
            restarts: number;
            /**
             * Engines
             * @default []
             */
            engines: components["schemas"]["EngineView"][];
            /**
             * Viewers Behind
             * @description Expected distance of a viewer from live, seconds.
             * @default 0
             */
            viewers_behind: number;
            /**
             * @description How plain the show is now.
             * @default {
             *       "step": "full",
             *       "words": "",
             *       "since": 0,
             *       "why": ""
             *     }
             */
            quality: components["schemas"]["StepView"];
            /**
             * Steps
             * @description The newest steps, the newest first; at most 20.
             * @default []
             */
            steps: components["schemas"]["StepView"][];
            /**
             * @description Whether the show waits for its voices.
             * @default {
             *       "words": "",
             *       "factor": 0,
             *       "since": 0
             *     }
             */
            pace: components["schemas"]["PaceView"];
        };
        /**
         * StateEvent
         * @description The first event of every subscription, and of one that goes on after a gap: it replaces what was known.
         */
        StateEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "state";
            state: components["schemas"]["StateView"];
        };
        /**
         * StateView
         * @description All that a page shows, as of now: the house, and the show whose topic was asked for.
         */
        StateView: {
            /**
             * @default {
             *       "parts": [],
             *       "engines": [],
             *       "workers": [],
             *       "outputs": [],
             *       "places": [],
             *       "waiting": 0,
             *       "talks": []
             *     }
             */
            house: components["schemas"]["HouseView"];
            /** @description null: no show was asked for, or it is not open yet. */
            stage?: components["schemas"]["StageView"] | null;
            /**
             * Conversations
             * @description Those that are remembered, newest first, without their turns.
             * @default []
             */
            conversations: components["schemas"]["ConversationView"][];
            /**
             * Turns
             * @description The newest of them, oldest first; at most 100.
             * @default []
             */
            turns: components["schemas"]["TurnView"][];
            /** @description null: it was not asked for, or is not switched on. */
            line?: components["schemas"]["LineView"] | null;
        };
        /**
         * StepName
         * @description How plain the show is, from all there is to the plainest; each includes those before it.
         * @enum {string}
         */
        StepName: "full" | "tv" | "analysis" | "rate" | "size";
        /**
         * StepView
         * @description A step of the governor: what the show does without because the machine is short of CPU.
         */
        StepView: {
            step: components["schemas"]["StepName"];
            /**
             * Words
             * @description What a viewer sees of it, in a sentence.
             */
            words: string;
            /**
             * Since
             * @description Unix ms.
             */
            since: number;
            /**
             * Why
             * @description The figure that decided.
             * @default
             */
            why: string;
        };
        /**
         * StoreView
         * @description What is kept of people (docs/store.md).
         */
        StoreView: {
            /** Where */
            where: string;
            /**
             * Failure
             * @description Why nothing is remembered now; empty: it is.
             */
            failure: string;
            /**
             * Remedy
             * @default
             */
            remedy: string;
            /**
             * Lost
             * @description Writes that never will be.
             */
            lost: number;
            /**
             * Waiting
             * @default 0
             */
            waiting: number;
        };
        /**
         * StreamOptions
         * @description Whether what was counted is told at the end of a stream.
         */
        StreamOptions: {
            /**
             * Include Usage
             * @default false
             */
            include_usage: boolean;
        };
        /**
         * StreamedEvent
         * @description The JSON of one event; the ``event:`` field repeats its ``type``.
         */
        StreamedEvent: components["schemas"]["StateEvent"] | components["schemas"]["ConversationEvent"] | components["schemas"]["TurnEvent"] | components["schemas"]["StageEvent"] | components["schemas"]["TelemetryEvent"] | components["schemas"]["PartEvent"] | components["schemas"]["TalkEvent"] | components["schemas"]["LineEvent"] | components["schemas"]["CallEvent"] | components["schemas"]["CallTurnEvent"] | components["schemas"]["LevelsEvent"] | components["schemas"]["TalkTurnEvent"] | components["schemas"]["EnginesEvent"] | components["schemas"]["WorkerEvent"] | components["schemas"]["PlacesEvent"] | components["schemas"]["OutputsEvent"] | components["schemas"]["NoticeEvent"];
        /**
         * StreamedEvidence
         * @description The JSON of one event; the ``event:`` field repeats its ``type``.
         */
        StreamedEvidence: components["schemas"]["EvidenceStateEvent"] | components["schemas"]["EvidenceSecondEvent"] | components["schemas"]["EvidenceAnswerEvent"];
        /**
         * StreamedFace
         * @description The JSON of one event; the ``event:`` field repeats its ``type``.
         */
        StreamedFace: components["schemas"]["FaceLineEvent"] | components["schemas"]["FaceStartEvent"] | components["schemas"]["FaceCutEvent"];
        /**
         * TalkCharacter
         * @description Somebody who may be talked to.
         */
        TalkCharacter: {
            /** Name */
            name: string;
            /** Title */
            title: string;
            /** Tagline */
            tagline: string;
            /**
             * Colour
             * @description As CSS has it; empty: it has none of its own.
             */
            colour: string;
            /**
             * Language
             * @description That it speaks (BCP 47).
             */
            language: string;
            /**
             * Teaches
             * @description It is made for lessons, and corrects who talks with it.
             * @default false
             */
            teaches: boolean;
        };
        /**
         * TalkEvent
         * @description A conversation with a person began or ended.
         */
        TalkEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "talk";
            talk: components["schemas"]["TalkView"];
        };
        /**
         * TalkLearning
         * @description What there is to learn, and how far the learner is.
         */
        TalkLearning: {
            /**
             * Lessons
             * @default []
             */
            lessons: components["schemas"]["TalkLessonView"][];
            /**
             * Broken
             * @description Files beside those that are no lessons: which, and what is wrong.
             * @default []
             */
            broken: string[];
            /**
             * Level
             * @description At which the learner is.
             */
            level: string;
            /**
             * Words
             * @description That are learnt.
             * @default 0
             */
            words: number;
            /**
             * Due
             * @description Of those: how many are due for review now.
             * @default 0
             */
            due: number;
            /**
             * Model
             * @description There is a language model to talk freely with.
             * @default false
             */
            model: boolean;
            /**
             * Languages
             * @description Into which that translates (ISO 639-1).
             * @default []
             */
            languages: string[];
        };
        /**
         * TalkLessonView
         * @description A lesson that may be practised, and what the learner made of it.
         */
        TalkLessonView: {
            /** Name */
            name: string;
            /** Title */
            title: string;
            /**
             * Level
             * @description Of the Common European Framework of Reference: `A1` … `C2`.
             */
            level: string;
            /** About */
            about: string;
            /** Exercises */
            exercises: number;
            /**
             * Words
             * @description That it teaches.
             */
            words: number;
            /**
             * Translations
             * @description Languages that it translates into (ISO 639-1).
             */
            translations: string[];
            /**
             * Times
             * @description That it was gone through.
             * @default 0
             */
            times: number;
            /**
             * Best
             * @description Share of exercises answered at once, at best (0…1).
             * @default 0
             */
            best: number;
            /**
             * Next
             * @description It is the one to do next.
             * @default false
             */
            next: boolean;
        };
        /**
         * TalkOffer
         * @description Who may be talked to, and why not now. The socket is `/api/talk` (docs/talk-protocol.md).
         */
        TalkOffer: {
            /** Characters */
            characters: components["schemas"]["TalkCharacter"][];
            learning: components["schemas"]["TalkLearning"];
            /**
             * Reasons
             * @description Why nobody could begin a conversation now; none: somebody could.
             */
            reasons: string[];
        };
        /**
         * TalkTurnEvent
         * @description A turn of a conversation with a person began, grew or ended.
         */
        TalkTurnEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "talk_turn";
            /**
             * Talk
             * @description The id of the conversation.
             */
            talk: string;
            turn: components["schemas"]["TalkTurnView"];
        };
        /**
         * TalkTurnView
         * @description A turn of a conversation with a person, as far as it has come. The same number again: it replaces the former.
         */
        TalkTurnView: {
            /** Number */
            number: number;
            /**
             * Speaker
             * @description The character's name, or `person`.
             */
            speaker: string;
            /**
             * State
             * @description `withdrawn`: a reply of which nobody heard a word.
             * @enum {string}
             */
            state: "hearing" | "thinking" | "speaking" | "ended" | "interrupted" | "withdrawn";
            /**
             * Text
             * @description Understood of the person so far; of a reply, what sounded.
             * @default
             */
            text: string;
            /**
             * Heard
             * @description What the person heard of a reply that is over.
             */
            heard?: string | null;
        };
        /**
         * TalkView
         * @description A conversation with a person. Times are Unix ms.
         */
        TalkView: {
            /** Id */
            id: string;
            /** Character */
            character: string;
            /** Title */
            title: string;
            /** Started */
            started: number;
            /** Ended */
            ended?: number | null;
            /**
             * Turns
             * @description The newest 20.
             * @default []
             */
            turns: components["schemas"]["TalkTurnView"][];
        };
        /**
         * TelemetryEvent
         * @description Once a second.
         */
        TelemetryEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "telemetry";
            telemetry: components["schemas"]["TelemetryView"];
        };
        /**
         * TelemetryView
         * @description One second of the show. Times in ms; ``lead_ms`` is how far the stage is ahead of its due time.
         *
         *     ``frames`` is how many pictures were made, ``late`` ones were ready after their due time; ``over_budget`` ones cost
         *     more than a frame period, which the lead hides; ``skipped`` were left out to come back to the grid.
         */
        TelemetryView: {
            /** At */
            at: number;
            /** Frames */
            frames: number;
            /** Late */
            late: number;
            /** Over Budget */
            over_budget: number;
            /** Skipped */
            skipped: number;
            /** Late Total */
            late_total: number;
            /** Over Budget Total */
            over_budget_total: number;
            /** Skipped Total */
            skipped_total: number;
            /** Compose P50 */
            compose_p50: number;
            /** Compose Max */
            compose_max: number;
            /** Frame P50 */
            frame_p50: number;
            /** Frame Max */
            frame_max: number;
            /** Lead Ms */
            lead_ms: number;
            /** Main Cpu */
            main_cpu: number;
            /** Stage Cpu */
            stage_cpu: number;
            /** Main Rss Mb */
            main_rss_mb: number;
            /** Stage Rss Mb */
            stage_rss_mb: number;
            /** Steal */
            steal: number;
            /** Loop Lag Ms */
            loop_lag_ms: number;
        };
        /**
         * TextPart
         * @description The only kind of content that is read.
         */
        TextPart: {
            /** Type */
            type: string;
            /**
             * Text
             * @default
             */
            text: string;
        };
        /**
         * Transcription
         * @description That what the person says is told in words as well; ``model`` is ours or OpenAI's, the ears that are set hear.
         */
        Transcription: {
            /** Model */
            model?: string | null;
            /** Language */
            language?: string | null;
            /** Prompt */
            prompt?: unknown;
            /** Delay */
            delay?: unknown;
            /** Keywords */
            keywords?: unknown;
            /** Languages */
            languages?: unknown;
        };
        /**
         * TransferRequest
         * @description Hand a call over.
         */
        TransferRequest: {
            /**
             * To
             * @description The name of a transfer that is set, or an address.
             */
            to: string;
        };
        /**
         * TransferView
         * @description Where a call may be handed over.
         */
        TransferView: {
            /** Name */
            name: string;
            /** To */
            to: string;
            /**
             * Digit
             * @default
             */
            digit: string;
            /**
             * About
             * @default
             */
            about: string;
        };
        /**
         * TrialRequest
         * @description A voice and what it says.
         */
        TrialRequest: {
            /** Engine */
            engine: string;
            /** Voice */
            voice: string;
            /** Text */
            text: string;
        };
        /**
         * TurnDetection
         * @description When a turn of the person is over, and what becomes of it.
         */
        TurnDetection: {
            /**
             * Type
             * @enum {string}
             */
            type: "server_vad" | "semantic_vad";
            /** Create Response */
            create_response?: boolean | null;
            /** Interrupt Response */
            interrupt_response?: boolean | null;
            /** Silence Duration Ms */
            silence_duration_ms?: number | null;
            /** Prefix Padding Ms */
            prefix_padding_ms?: number | null;
            /** Threshold */
            threshold?: number | null;
            /** Eagerness */
            eagerness?: ("low" | "medium" | "high" | "auto") | null;
            /** Idle Timeout Ms */
            idle_timeout_ms?: unknown;
            /** Model Version */
            model_version?: unknown;
        };
        /**
         * TurnEvent
         * @description A turn changed.
         */
        TurnEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "turn";
            turn: components["schemas"]["TurnView"];
        };
        /**
         * TurnView
         * @description A turn as the transcript shows it. Times are Unix ms, null while unknown; waits are ms.
         */
        TurnView: {
            /** Id */
            id: string;
            /** Conversation */
            conversation: string;
            /** Number */
            number: number;
            /** Speaker */
            speaker: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "turn" | "answer" | "person" | "filler";
            /** Text */
            text: string;
            /**
             * State
             * @enum {string}
             */
            state: "writing" | "voicing" | "queued" | "on_air" | "ended" | "withdrawn" | "failed";
            /**
             * Words
             * @default []
             */
            words: components["schemas"]["WordView"][];
            /** Asked */
            asked?: number | null;
            /** First Token */
            first_token?: number | null;
            /** Text Complete */
            text_complete?: number | null;
            /** First Audio */
            first_audio?: number | null;
            /** On Air */
            on_air?: number | null;
            /** Ended */
            ended?: number | null;
            /**
             * Gap Ms
             * @default 0
             */
            gap_ms: number;
            /**
             * Waited Ms
             * @default 0
             */
            waited_ms: number;
            /**
             * Interrupted
             * @default false
             */
            interrupted: boolean;
            /**
             * Refused
             * @default 0
             */
            refused: number;
            /**
             * Failure
             * @default
             */
            failure: string;
            /**
             * Handovers
             * @description Which engine failed at it, why, and who took over.
             * @default []
             */
            handovers: string[];
            /**
             * To
             * @description Whom a person spoke to: the character that answers.
             * @default
             */
            to: string;
        };
        /**
         * TvRequest
         * @description Play a film by name (see :class:`StageView`) or stop.
         */
        TvRequest: {
            /**
             * Action
             * @enum {string}
             */
            action: "play" | "stop";
            /** Film */
            film?: string | null;
        };
        /**
         * UpgradeView
         * @description A better voice or mind, what it takes, and how far it is here.
         */
        UpgradeView: {
            /** Name */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "voice" | "mind";
            /** Title */
            title: string;
            /** What */
            what: string;
            /**
             * Steps
             * @description What is left to do.
             */
            steps: components["schemas"]["SetupStep"][];
            /**
             * State
             * @enum {string}
             */
            state: "used" | "ready" | "missing";
            /**
             * Told
             * @description What was found when it was looked for.
             */
            told: string;
        };
        /**
         * UsageRowView
         * @description The sums of one engine and model, person, show, talk or call, or day; in one currency.
         */
        UsageRowView: {
            /**
             * Name
             * @description The engine, the person's id, the part as the ledger calls it, or the day.
             */
            name: string;
            /**
             * Called
             * @description What a person is called.
             * @default
             */
            called: string;
            /**
             * Model
             * @default
             */
            model: string;
            /**
             * Service
             * @description llm, tts or stt: it thinks, speaks or hears.
             * @default
             */
            service: string;
            /** Requests */
            requests: number;
            /**
             * Estimated
             * @description Requests whose tokens are reckoned: the engine does not count them.
             */
            estimated: number;
            /**
             * Unpriced
             * @description Requests of which nobody knows what they cost: there was no price.
             */
            unpriced: number;
            /** Prompt Tokens */
            prompt_tokens: number;
            /**
             * Cached Tokens
             * @description Of the prompt's, those that the engine had kept.
             */
            cached_tokens: number;
            /** Completion Tokens */
            completion_tokens: number;
            /**
             * Characters
             * @description That were given to be voiced.
             */
            characters: number;
            /**
             * Minutes
             * @description Of sound, heard or made.
             */
            minutes: number;
            /**
             * Cost
             * @description None: not known of any of them. Of some, where unpriced is not 0.
             */
            cost: number | null;
            /**
             * Currency
             * @description Empty: there was no price.
             */
            currency: string;
        };
        /**
         * UsageView
         * @description What engines were asked for since a day, and how much of today's caps is used.
         */
        UsageView: {
            /**
             * By
             * @enum {string}
             */
            by: "engine" | "person" | "run" | "day";
            /**
             * Since
             * @description The first day (ISO 8601); empty: ever.
             */
            since: string;
            /** Today */
            today: string;
            /**
             * Zone
             * @description The time zone whose days these are.
             */
            zone: string;
            /**
             * Currency
             * @description Of the prices that are set now.
             */
            currency: string;
            /** Rows */
            rows: components["schemas"]["UsageRowView"][];
            /**
             * Caps
             * @default []
             */
            caps: components["schemas"]["CapView"][];
            /**
             * Until
             * @description When today is over, and caps begin anew: Unix ms.
             */
            until: number;
            /**
             * Kept
             * @description False: the store is off, and these are only since the start.
             * @default true
             */
            kept: boolean;
        };
        /**
         * UtteranceState
         * @description The life of a clip: it waits here, is queued on the stage, is heard, and is over.
         * @enum {string}
         */
        UtteranceState: "waiting" | "queued" | "on_air" | "ended" | "skipped";
        /**
         * UtteranceView
         * @description A clip that a client put on the stage. Times are Unix ms, null while unknown.
         */
        UtteranceView: {
            /** Id */
            id: string;
            /** Character */
            character: string;
            /** Text */
            text: string;
            state: components["schemas"]["UtteranceState"];
            /**
             * Duration Ms
             * @description Of what is heard: silence at both ends is taken off.
             */
            duration_ms: number;
            /**
             * Lips
             * @description What the mouth is moved by, as known so far.
             * @enum {string}
             */
            lips: "phonemes" | "words" | "sound";
            /**
             * Place
             * @description Clips before this one; 0: it is on air or the next; null: it is over.
             */
            place: number | null;
            /** Received */
            received: number;
            /** Decoded */
            decoded: number;
            /** Queued */
            queued?: number | null;
            /** On Air */
            on_air?: number | null;
            /** Ended */
            ended?: number | null;
            /**
             * Played Ms
             * @description How much of it was heard, known when it is over.
             * @default 0
             */
            played_ms: number;
            /**
             * Note
             * @description What did not go as well as it might.
             * @default
             */
            note: string;
        };
        /**
         * VoiceId
         * @description A voice by its id.
         */
        VoiceId: {
            /** Id */
            id: string;
        };
        /**
         * VoicesView
         * @description The voices of an engine that speaks; none while it has not come up.
         */
        VoicesView: {
            /** Engine */
            engine: string;
            /**
             * Voices
             * @default []
             */
            voices: string[];
        };
        /**
         * WhisperRequest
         * @description A word to the character that the caller does not hear.
         */
        WhisperRequest: {
            /** Text */
            text: string;
        };
        /**
         * WordView
         * @description A spoken word; ``start`` and ``end`` are Unix times in ms at which it is on air (the stream's programme time).
         */
        WordView: {
            /** Text */
            text: string;
            /** Start */
            start: number;
            /** End */
            end: number;
        };
        /**
         * WorkerEvent
         * @description A child process changed its state.
         */
        WorkerEvent: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "worker";
            worker: components["schemas"]["WorkerView"];
        };
        /**
         * WorkerView
         * @description A child process that is kept running. Times are Unix ms.
         */
        WorkerView: {
            /** Name */
            name: string;
            /**
             * Purpose
             * @description What it is for.
             */
            purpose: string;
            /**
             * State
             * @description idle: nobody has needed it yet; failed: it is tried again when it is needed; closed: it is gone.
             * @enum {string}
             */
            state: "idle" | "starting" | "up" | "restarting" | "failed" | "closed";
            /** Since */
            since: number;
            /** Pid */
            pid: number | null;
            /**
             * Restarts
             * @description Times that another took its place.
             */
            restarts: number;
            /**
             * Failures
             * @description In a row.
             */
            failures: number;
            /**
             * Last Failure
             * @description Empty: it has never failed.
             */
            last_failure: string;
            /**
             * Next Try
             * @description While it is left alone after failures in a row.
             */
            next_try: number | null;
            /**
             * Waited S
             * @description How long its pieces of work have waited for others, in all (s).
             * @default 0
             */
            waited_s: number;
            /**
             * Queued
             * @description Pieces of its work that wait now.
             * @default 0
             */
            queued: number;
            /**
             * Gave Way
             * @description Pieces of its work that were overtaken by what was more urgent.
             * @default 0
             */
            gave_way: number;
        };
        /**
         * TalkAttended
         * @description Of a call: who speaks with the caller. It replaces the one of before.
         */
        TalkAttended: {
            /**
             * Type
             * @default attended
             * @constant
             */
            type: "attended";
            /**
             * Caller
             * @description Who is on the line.
             */
            caller: string;
            /**
             * Operator
             * @description Who has taken the call over, by name; empty: the character speaks.
             * @default
             */
            operator: string;
            /**
             * Speaks
             * @description The operator is heard; before that the character ends its sentence.
             * @default false
             */
            speaks: boolean;
            /**
             * Yours
             * @description That operator is you.
             * @default false
             */
            yours: boolean;
            /**
             * Listeners
             * @description Who attends the call, you included.
             * @default 0
             */
            listeners: number;
            /**
             * Announced
             * @description The caller is told when an operator takes over.
             * @default false
             */
            announced: boolean;
        };
        /**
         * TalkBye
         * @description The last message; the socket is closed after it.
         */
        TalkBye: {
            /**
             * Type
             * @default bye
             * @constant
             */
            type: "bye";
            /**
             * Code
             * @description `ended`: the conversation is over; `idle`: nobody said anything for long; `taken`: another socket goes on with it; `gone`: there is no such conversation any more; `version`, `protocol`, `flood`: what the client did wrong; `slow`: it does not read; `full`, `starting`, `closing`: not now; `character`: there is nobody of that name; `lesson`: there is no such lesson, or nothing to review; `forbidden`: a token is missing, not known, or lacks the scope `talk` (of a call `line`); `off`: no talks are held here; `failed`: a fault of ours.
             * @enum {string}
             */
            code: "ended" | "idle" | "taken" | "gone" | "version" | "protocol" | "flood" | "slow" | "full" | "starting" | "character" | "forbidden" | "off" | "failed" | "closing" | "lesson";
            /** Text */
            text: string;
            /**
             * Remedy
             * @default
             */
            remedy: string;
            /**
             * Resume
             * @description The conversation waits for its client.
             * @default false
             */
            resume: boolean;
            /**
             * Retry Seconds
             * @description It may be tried again after so long.
             * @default null
             */
            retry_seconds: number | null;
        };
        /**
         * TalkCancel
         * @description What the person has said since they were last answered is forgotten.
         */
        TalkCancel: {
            /**
             * Type
             * @default cancel
             * @constant
             */
            type: "cancel";
        };
        /**
         * TalkChunk
         * @description A sentence of the character's, from when it is written. The same id again: it replaces the former.
         */
        TalkChunk: {
            /**
             * Type
             * @default chunk
             * @constant
             */
            type: "chunk";
            /**
             * Id
             * @description Its sound has the same.
             */
            id: string;
            /**
             * Turn
             * @description The turn that it belongs to.
             */
            turn: string;
            /**
             * Index
             * @description Its place in that.
             */
            index: number;
            /** Text */
            text: string;
            /**
             * State
             * @description `cut`: it ended before its end, or was never begun; `heard` says what of it was.
             * @enum {string}
             */
            state: "waiting" | "voicing" | "ready" | "playing" | "heard" | "cut" | "failed";
            /**
             * Heard
             * @description The words of it that were heard, when it is over.
             * @default
             */
            heard: string;
            /**
             * Length Ms
             * @description Of its sound; it grows while `open`.
             * @default null
             */
            length_ms: number | null;
            /**
             * Open
             * @description More of its sound will come.
             * @default false
             */
            open: boolean;
            /**
             * Words
             * @description As far as the voice tells when they are spoken.
             * @default []
             */
            words: components["schemas"]["TalkWord"][];
        };
        /**
         * TalkClear
         * @description Silence, and forget all sound; then say `stopped`.
         */
        TalkClear: {
            /**
             * Type
             * @default clear
             * @constant
             */
            type: "clear";
        };
        /**
         * TalkCommit
         * @description The person's turn is over, whatever the silence.
         */
        TalkCommit: {
            /**
             * Type
             * @default commit
             * @constant
             */
            type: "commit";
        };
        /**
         * TalkExercise
         * @description An exercise, from when it is asked. The same id again: it replaces the former.
         */
        TalkExercise: {
            /**
             * Type
             * @default exercise
             * @constant
             */
            type: "exercise";
            /** Id */
            id: string;
            /** Number */
            number: number;
            /**
             * Kind
             * @enum {string}
             */
            kind: "repeat" | "choice" | "answer" | "write";
            /**
             * Ask
             * @description What the character says before it.
             */
            ask: string;
            /**
             * Text
             * @description Of a `repeat`: what is to be said.
             * @default
             */
            text: string;
            /**
             * Options
             * @description Of a `choice`: one of them is to be said, or sent as `say`.
             * @default []
             */
            options: string[];
            /**
             * State
             * @description `close`: right but for a slip of the pen or an unclear word. `wrong`: its answer was told.
             * @enum {string}
             */
            state: "asked" | "right" | "close" | "wrong";
            /**
             * Again
             * @description It comes for the second time.
             * @default false
             */
            again: boolean;
            /**
             * Tries
             * @default 0
             */
            tries: number;
            /**
             * Answer
             * @description The best answer, when it is over.
             * @default
             */
            answer: string;
            /**
             * Hint
             * @description Once it was given.
             * @default
             */
            hint: string;
            /**
             * Translation
             * @description Once it was given.
             * @default
             */
            translation: string;
            /**
             * Translates
             * @description There is a translation to ask for.
             */
            translates: boolean;
        };
        /**
         * TalkHello
         * @description The first message: begin a conversation, or go on with one whose socket broke.
         */
        TalkHello: {
            /**
             * Type
             * @default hello
             * @constant
             */
            type: "hello";
            /**
             * Version
             * @description Of this protocol: 1.
             */
            version: number;
            /**
             * Resume
             * @description The token of the welcome, to go on with that conversation.
             * @default
             */
            resume: string;
            /**
             * @description Where a client that goes on, and kept its sound, is in what plays, or the end of what it played last. It then forgets what it has: it is sent again from there.
             * @default null
             */
            heard: components["schemas"]["TalkPlace"] | null;
            /**
             * Captured
             * @description A client that goes on kept its microphone's clock, and the newest of its sound: it sends again what the welcome says did not come, and whether the button to talk is held.
             * @default false
             */
            captured: boolean;
            /**
             * Character
             * @description Of a new conversation: who is talked to, by name; empty: the first.
             * @default
             */
            character: string;
            /**
             * Topic
             * @description What it is about.
             * @default
             */
            topic: string;
            /**
             * Greet
             * @description The character speaks first.
             * @default false
             */
            greet: boolean;
            /**
             * Microphone
             * @description The person may speak, as far as there is a place for one who listens.
             * @default true
             */
            microphone: boolean;
            /**
             * Lesson
             * @description Drills instead of a conversation: a lesson of the offer by name, or `review`.
             * @default
             */
            lesson: string;
            /**
             * Translate
             * @description The language that is translated into where it is asked for (ISO 639-1).
             * @default
             */
            translate: string;
            /**
             * Person
             * @description Who they are: a name, or an id of the client's own; empty: nothing of this is remembered.
             * @default
             */
            person: string;
        };
        /**
         * TalkHelp
         * @description In a lesson: help with the exercise that is asked.
         */
        TalkHelp: {
            /**
             * Type
             * @default help
             * @constant
             */
            type: "help";
            /**
             * Want
             * @enum {string}
             */
            want: "hint" | "translation" | "again" | "skip";
        };
        /**
         * TalkInterrupt
         * @description The character stops.
         */
        TalkInterrupt: {
            /**
             * Type
             * @default interrupt
             * @constant
             */
            type: "interrupt";
        };
        /**
         * TalkJudged
         * @description What an answer was, beside the learner's own words.
         */
        TalkJudged: {
            /**
             * Type
             * @default judged
             * @constant
             */
            type: "judged";
            /** Id */
            id: string;
            /**
             * Exercise
             * @description Its id.
             */
            exercise: string;
            /**
             * Said
             * @description As it was understood or written.
             */
            said: string;
            /** Written */
            written: boolean;
            /**
             * Wanted
             * @description The right answer that comes nearest.
             */
            wanted: string;
            /**
             * Verdict
             * @enum {string}
             */
            verdict: "right" | "close" | "wrong";
            /** Words */
            words: components["schemas"]["TalkJudgedWord"][];
            /**
             * Correction
             * @description What to say instead.
             * @default
             */
            correction: string;
            /**
             * Because
             * @default
             */
            because: string;
        };
        /**
         * TalkJudgedWord
         * @description A word of the right answer, or one that was said beside it.
         */
        TalkJudgedWord: {
            /** Text */
            text: string;
            /**
             * State
             * @enum {string}
             */
            state: "right" | "unclear" | "missing" | "extra";
            /**
             * Score
             * @description How clearly it was said, 0 to 100, where words are scored.
             * @default null
             */
            score: number | null;
            /**
             * Instead
             * @description Of one that is missing: what was said in its place.
             * @default
             */
            instead: string;
        };
        /**
         * TalkLearn
         * @description In a lesson: begin another one, or the same again.
         */
        TalkLearn: {
            /**
             * Type
             * @default learn
             * @constant
             */
            type: "learn";
            /**
             * Lesson
             * @description By name, or `review`.
             */
            lesson: string;
        };
        /**
         * TalkLeave
         * @description The conversation is over; it cannot be resumed. Of a call: it is attended no longer, and given back.
         */
        TalkLeave: {
            /**
             * Type
             * @default leave
             * @constant
             */
            type: "leave";
        };
        /**
         * TalkLesson
         * @description The lesson that is practised, as far as it has come. It replaces the one of before.
         */
        TalkLesson: {
            /**
             * Type
             * @default lesson
             * @constant
             */
            type: "lesson";
            /** Name */
            name: string;
            /** Title */
            title: string;
            /**
             * Level
             * @description Of the Common European Framework of Reference: `A1` … `C2`.
             */
            level: string;
            /** About */
            about: string;
            /**
             * State
             * @enum {string}
             */
            state: "going" | "over";
            /**
             * Number
             * @description Of the exercise that is asked, from 1.
             */
            number: number;
            /**
             * Count
             * @description Of exercises; one that went wrong comes once more at the end.
             */
            count: number;
            /**
             * Right
             * @description At its end: answered at last.
             * @default 0
             */
            right: number;
            /**
             * First
             * @description Of those: at the first try and without help.
             * @default 0
             */
            first: number;
            /**
             * Seconds
             * @description At its end: how long it took.
             * @default 0
             */
            seconds: number;
            /**
             * Scored
             * @description Words that are spoken get a score; else it is told which were understood.
             */
            scored: boolean;
        };
        /**
         * TalkNote
         * @description What a language model notes beside what it says: never spoken. The same id again: it replaces the former.
         */
        TalkNote: {
            /**
             * Type
             * @default note
             * @constant
             */
            type: "note";
            /** Id */
            id: string;
            /**
             * Turn
             * @description The character's turn that it goes with.
             */
            turn: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "correction" | "translation" | "hint" | "vocabulary";
            /** Text */
            text: string;
            /**
             * Said
             * @description Of a correction: the person's own words.
             * @default
             */
            said: string;
        };
        /**
         * TalkNotice
         * @description Something that the person should know; the conversation goes on.
         */
        TalkNotice: {
            /**
             * Type
             * @default notice
             * @constant
             */
            type: "notice";
            /**
             * Level
             * @enum {string}
             */
            level: "info" | "warning" | "error";
            /** Text */
            text: string;
            /**
             * Remedy
             * @default
             */
            remedy: string;
        };
        /**
         * TalkPause
         * @description Hold what plays where it is.
         */
        TalkPause: {
            /**
             * Type
             * @default pause
             * @constant
             */
            type: "pause";
        };
        /**
         * TalkPing
         * @description Every two seconds: a client that hears nothing for eight has lost its server.
         */
        TalkPing: {
            /**
             * Type
             * @default ping
             * @constant
             */
            type: "ping";
            /** Number */
            number: number;
        };
        /**
         * TalkPlace
         * @description How far something was played.
         */
        TalkPlace: {
            /**
             * Id
             * @description The sound's.
             */
            id: string;
            /**
             * Samples
             * @description So many of it, counted from its first one at the rate of the welcome.
             */
            samples: number;
        };
        /**
         * TalkPlayed
         * @description So much of a sound has been heard: from the audio clock, about every 100 ms while something plays, at once at its
         *     end. This is what *heard* means; the server believes no more than it has sent.
         */
        TalkPlayed: {
            /**
             * Type
             * @default played
             * @constant
             */
            type: "played";
            /**
             * Id
             * @description The sound's.
             */
            id: string;
            /**
             * Samples
             * @description Counted from its first one, not from where it was sent from.
             */
            samples: number;
            /**
             * At
             * @description When that was so: µs of the client's audio clock, which may begin anywhere.
             * @default null
             */
            at: number | null;
        };
        /**
         * TalkPong
         * @description The answer to `ping`, at once.
         */
        TalkPong: {
            /**
             * Type
             * @default pong
             * @constant
             */
            type: "pong";
            /**
             * Number
             * @description The ping's.
             */
            number: number;
        };
        /**
         * TalkPush
         * @description The button to talk went down or up. While it is down pauses end no turn; when it comes up the turn is over.
         */
        TalkPush: {
            /**
             * Type
             * @default push
             * @constant
             */
            type: "push";
            /** Down */
            down: boolean;
        };
        /**
         * TalkResume
         * @description Go on from there.
         */
        TalkResume: {
            /**
             * Type
             * @default go_on
             * @constant
             */
            type: "go_on";
        };
        /**
         * TalkSay
         * @description The person wrote something; it is answered at once, and interrupts.
         */
        TalkSay: {
            /**
             * Type
             * @default say
             * @constant
             */
            type: "say";
            /**
             * Text
             * @description In characters.
             */
            text: string;
            /**
             * Number
             * @description Counted by the client, from 1, in the whole conversation: what came is not taken again. 0: not counted.
             * @default 0
             */
            number: number;
        };
        /**
         * TalkSource
         * @description A passage of the character's own files that an answer was told.
         */
        TalkSource: {
            /**
             * Name
             * @description The file.
             */
            name: string;
            /**
             * Place
             * @description Where in it, in words: a heading, a page; may be empty.
             */
            place: string;
            /** Text */
            text: string;
        };
        /**
         * TalkStanding
         * @description Where the conversation stands.
         */
        TalkStanding: {
            /**
             * Type
             * @default standing
             * @constant
             */
            type: "standing";
            /**
             * State
             * @enum {string}
             */
            state: "quiet" | "listening" | "thinking" | "speaking";
        };
        /**
         * TalkStopped
         * @description The answer to `clear`: where it stopped. An empty id: nothing was playing.
         */
        TalkStopped: {
            /**
             * Type
             * @default stopped
             * @constant
             */
            type: "stopped";
            /**
             * Id
             * @description The sound's.
             * @default
             */
            id: string;
            /**
             * Samples
             * @description As in `played`.
             * @default 0
             */
            samples: number;
            /**
             * At
             * @description As in `played`.
             * @default null
             */
            at: number | null;
        };
        /**
         * TalkTake
         * @description Of a call: speak with the caller in the character's place, or (false) give the call back.
         */
        TalkTake: {
            /**
             * Type
             * @default take
             * @constant
             */
            type: "take";
            /** Taken */
            taken: boolean;
        };
        /**
         * TalkTurn
         * @description A turn of either side, as far as it has come. The same id again: it replaces the former.
         */
        TalkTurn: {
            /**
             * Type
             * @default turn
             * @constant
             */
            type: "turn";
            /** Id */
            id: string;
            /**
             * Number
             * @description Its place in the conversation.
             */
            number: number;
            /**
             * Person
             * @description It is the person's; else the character's.
             */
            person: boolean;
            /**
             * Operator
             * @description Of a call: an operator said it, or wrote it and the character says it.
             * @default
             * @enum {string}
             */
            operator: "" | "spoken" | "written";
            /**
             * Text
             * @description What was understood or written so far.
             */
            text: string;
            /**
             * State
             * @description `on_air` (of a person: they speak), `writing`, `voicing`, `queued`; at the end `ended`, `withdrawn` (nobody heard a word of it) or `failed`.
             */
            state: string;
            /**
             * Heard
             * @description Of the character's: what was played of it, when it is over.
             * @default
             */
            heard: string;
            /**
             * Interrupted
             * @default false
             */
            interrupted: boolean;
            /**
             * At
             * @description When the wait for it began (Unix ms).
             * @default null
             */
            at: number | null;
            /**
             * Stages
             * @description What the wait for its first word was made of (ms), in order; they add up to all of it.
             * @default {}
             */
            stages: {
                [key: string]: number;
            };
            /**
             * Failure
             * @description What failed at it, each with its stage.
             * @default
             */
            failure: string;
            /**
             * Handovers
             * @description Which engine failed at it, why, and who took over.
             * @default []
             */
            handovers: string[];
            /**
             * Sources
             * @description Of an answer: what it was told from the character's own files.
             * @default []
             */
            sources: components["schemas"]["TalkSource"][];
        };
        /**
         * TalkVocable
         * @description A word that is learnt.
         */
        TalkVocable: {
            /** Word */
            word: string;
            /**
             * Meaning
             * @default
             */
            meaning: string;
            /**
             * Translation
             * @description Into the language that was asked for.
             * @default
             */
            translation: string;
            /**
             * Lesson
             * @description Where it comes from; empty: a conversation.
             * @default
             */
            lesson: string;
            /**
             * Due
             * @description When it comes again (Unix ms).
             */
            due: number;
            /**
             * Reviews
             * @description How often it was asked.
             */
            reviews: number;
            /**
             * Lapses
             * @description How often it was forgotten since it was known.
             */
            lapses: number;
        };
        /**
         * TalkVocabulary
         * @description What the learner learns, what is due first: at most 200 words. It replaces the one of before.
         */
        TalkVocabulary: {
            /**
             * Type
             * @default vocabulary
             * @constant
             */
            type: "vocabulary";
            /** Words */
            words: components["schemas"]["TalkVocable"][];
            /**
             * Count
             * @description Of all words.
             */
            count: number;
            /**
             * Due
             * @description How many of them are due now.
             */
            due: number;
            /**
             * Level
             * @description At which the learner is.
             */
            level: string;
            /**
             * Kept
             * @description It is kept from one day to the next.
             */
            kept: boolean;
        };
        /**
         * TalkWelcome
         * @description The answer to `hello`. What the conversation is so far follows.
         */
        TalkWelcome: {
            /**
             * Type
             * @default welcome
             * @constant
             */
            type: "welcome";
            /** Version */
            version: number;
            /**
             * Conversation
             * @description Its id, as the ledger has it.
             */
            conversation: string;
            /**
             * Resume
             * @description The token with which to go on after the socket broke.
             */
            resume: string;
            /**
             * Resumed
             * @description It is the conversation whose token was given.
             */
            resumed: boolean;
            /** Character */
            character: string;
            /**
             * Title
             * @description What the character is called.
             */
            title: string;
            /**
             * Microphone
             * @description Sound from the person is listened to.
             */
            microphone: boolean;
            /**
             * Rate
             * @description Of the sound that is sent (Hz).
             */
            rate: number;
            /**
             * Resume Seconds
             * @description A conversation waits so long for its client.
             */
            resume_seconds: number;
            /**
             * Said
             * @description The number of the newest `say` that was taken: a client that goes on says again what it wrote after that.
             * @default 0
             */
            said: number;
            /**
             * Captured
             * @description Where the client kept its microphone's clock: the number on it of the first sample that did not come. Null: none of that clock did.
             * @default null
             */
            captured: number | null;
            /**
             * Remembered
             * @description What is heard is kept, for the next conversation with this person.
             * @default false
             */
            remembered: boolean;
            /**
             * Person
             * @description What they are called, as they once said; empty: that is not known.
             * @default
             */
            person: string;
        };
        /**
         * TalkWithdraw
         * @description Forget a sound that has not begun.
         */
        TalkWithdraw: {
            /**
             * Type
             * @default withdraw
             * @constant
             */
            type: "withdraw";
            /** Id */
            id: string;
        };
        /**
         * TalkWord
         * @description A word of a chunk, in ms from its beginning.
         */
        TalkWord: {
            /** Text */
            text: string;
            /** Start */
            start: number;
            /** End */
            end: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
        };
    };
    list_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingView"][];
                };
            };
        };
    };
    list_shows: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShowView"][];
                };
            };
        };
    };
    get_house: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HouseView"];
                };
            };
        };
    };
    list_conversations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationView"][];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    start_conversation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConversationRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_conversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such conversation. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stop_conversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                conversation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConversationView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such conversation. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    chat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChatRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChatReceipt"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_stage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StageView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_tv: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TvRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StageView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_lights: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LightsRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StageView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_caption: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CaptionRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StageView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_utterances: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UtteranceView"][];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    say: {
        parameters: {
            query?: {
                /** @description Whose mouth says it: a name of the cast. */
                character?: string | null;
                /** @description The words. */
                text?: string | null;
                /** @description See `UtteranceRequest`. */
                expression?: string | null;
                /** @description A JSON list of `ClipMark`. */
                marks?: string | null;
                /** @description See `UtteranceRequest`. */
                alphabet?: string | null;
            };
            header?: {
                /** @description Makes a repeated request change nothing. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The sound alone, or a form that holds it beside the other fields. */
        requestBody: {
            content: {
                "application/octet-stream": string;
                "multipart/form-data": {
                    /** Format: binary */
                    audio: string;
                    character?: string;
                    text?: string;
                    expression?: string;
                    marks?: string;
                    alphabet?: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UtteranceView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The clip did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The `Idempotency-Key` belongs to another request. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The clip is too large a file. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too much waits already: try again after `Retry-After` seconds. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    clear_utterances: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UtteranceView"][];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_utterance: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                utterance_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UtteranceView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such clip, or it is long over. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    skip_utterance: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                utterance_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UtteranceView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such clip, or it is long over. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description With commas between them: show:NAME, talk, talk:ID, line, engines, machine; by default all but other shows'. */
                topics?: string;
            };
            header?: {
                /** @description Of the last event that is known: go on after it. */
                "last-event-id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events; the state comes first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamedEvent"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    evidence_events: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events; the state comes first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamedEvidence"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_runs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunView"][];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_report: {
        parameters: {
            query?: {
                /** @description Unix ms. */
                since?: number | null;
                /** @description Unix ms. */
                until?: number | null;
                form?: "html" | "md" | "json";
                /** @description Minutes ahead of UTC of the times of day in it. */
                offset?: number;
            };
            header?: never;
            path: {
                /** @description As the list has it. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": unknown;
                    "text/markdown": unknown;
                    "application/json": unknown;
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such run, or it has no sound. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_run_sound: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As the list has it. */
                run: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "audio/flac": unknown;
                    "audio/mpeg": unknown;
                    "audio/ogg": unknown;
                    "audio/wav": unknown;
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such run, or it has no sound. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_playlist: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": unknown;
                };
            };
            /** @description Unprocessable Entity */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is on air yet. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    get_stream_file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not Found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Unprocessable Entity */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description Service Unavailable */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description Service Unavailable */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_workers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerView"][];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    restart_worker: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such worker. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    direct_part: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                topic: string;
                order: "start" | "stop" | "restart";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PartView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such part. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_voices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VoicesView"][];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_setup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SetupView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    try_voice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrialRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "audio/wav": unknown;
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    warm_engine: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                kind: "llm" | "tts" | "stt";
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EngineView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_usage: {
        parameters: {
            query?: {
                /** @description Sums of each engine and model, person, show, talk or call, or day. */
                by?: "engine" | "person" | "run" | "day";
                /** @description The first day: 2026-11-23, today, or 7d for the last seven; empty: all. */
                since?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsageView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_faces: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string[];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No character of that name has a face. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_face: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                character: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FaceAtlas"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No character of that name has a face. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_face_picture: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                character: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": unknown;
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No character of that name has a face. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_face_idle: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                character: string;
                block: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FaceView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No character of that name has a face. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    face_events: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                character: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamedFace"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No character of that name has a face. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_line: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LineView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such call, or no phone line. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_call: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CallView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such call, or no phone line. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dial: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DialRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DialReceipt"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such call, or no phone line. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hang_up_call: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such call, or no phone line. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transfer_call: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                call: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TransferRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such call, or no phone line. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whisper: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                call: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WhisperRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such call, or no phone line. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    v1_list_models: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelsView"];
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    v1_get_model: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelView"];
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    v1_speech: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SpeechRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "audio/mpeg": unknown;
                    "audio/ogg": unknown;
                    "audio/aac": unknown;
                    "audio/flac": unknown;
                    "audio/wav": unknown;
                    "audio/pcm": unknown;
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    v1_transcribe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                    model: string;
                    language?: string;
                    prompt?: string;
                    /** @enum {string} */
                    response_format?: "json" | "text" | "srt" | "verbose_json" | "vtt";
                    stream?: boolean;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "text/plain": unknown;
                    "text/event-stream": unknown;
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    v1_translate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": {
                    /** Format: binary */
                    file: string;
                    model: string;
                    language?: string;
                    prompt?: string;
                    /** @enum {string} */
                    response_format?: "json" | "text" | "srt" | "verbose_json" | "vtt";
                    stream?: boolean;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "text/plain": unknown;
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    v1_chat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChatCompletionRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "text/event-stream": unknown;
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    v1_client_secrets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["SecretRequest"] | null;
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClientSecretView"];
                };
            };
            /** @description The request asks for what cannot be. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
            /** @description An engine failed, or no place is left: see `Retry-After`. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CompatibleError"];
                };
            };
        };
    };
    twilio_voice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Instructions (TwiML). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/xml": unknown;
                };
            };
            /** @description Twilio has not signed it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No calls are taken from Twilio. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_talk: {
        parameters: {
            query?: {
                /** @description As in the `hello`: whose progress is told. */
                person?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TalkOffer"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No talks are held in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_memory: {
        parameters: {
            query?: never;
            header: {
                /** @description As in the talk's `hello`, URL-encoded. */
                "X-Duologue-Person": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemoryView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is kept in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    change_memory: {
        parameters: {
            query?: never;
            header: {
                /** @description As in the talk's `hello`, URL-encoded. */
                "X-Duologue-Person": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MemoryChange"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemoryView"];
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is kept in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    forget_memory: {
        parameters: {
            query?: never;
            header: {
                /** @description As in the talk's `hello`, URL-encoded. */
                "X-Duologue-Person": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is kept in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    forget_fact: {
        parameters: {
            query?: never;
            header: {
                /** @description As in the talk's `hello`, URL-encoded. */
                "X-Duologue-Person": string;
            };
            path: {
                fact: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is kept in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    export_person: {
        parameters: {
            query?: never;
            header: {
                /** @description As in the talk's `hello`, URL-encoded. */
                "X-Duologue-Person": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is kept in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    forget_person: {
        parameters: {
            query?: never;
            header: {
                /** @description As in the talk's `hello`, URL-encoded. */
                "X-Duologue-Person": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The token lacks the scope that this wants. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nothing is kept in this house. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request asks for something that cannot be. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the studio failed. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, shutting down, or no place left: try again after `Retry-After` seconds. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
