/** The API as functions, typed by its schema. What the server refuses comes back as an `ApiError` with its own words. */
import type { paths } from "./api";
import type { Place } from "./addresses";
import type { Problem } from "./models";

const PATIENCE_MS = 8000;

type Method = "get" | "post" | "put" | "delete";
/** The addresses that answer to a method. */
type Answering<M extends Method> = { [A in keyof paths]: paths[A] extends { [each in M]: object } ? A : never }[keyof paths];
type Operation<M extends Method, A extends keyof paths> = paths[A] extends { [each in M]: infer Found } ? Found : never;
type Json<Content> = Content extends { content: { "application/json": infer Body } } ? Body : never;
type Success<Responses> = Json<Responses[keyof Responses & (200 | 201 | 202)]>;
type Answer<M extends Method, A extends keyof paths> =
  Operation<M, A> extends { responses: infer Responses } ? Success<Responses> : never;
/** What is asked; the server fills in what is left out and has a default. */
type Asked<M extends Method, A extends keyof paths> =
  Operation<M, A> extends { requestBody: infer Body } ? Partial<Json<Body>> : undefined;
type Values = Readonly<Record<string, string>>;

/** What was wrong, and what to do about it. `status` is 0 when the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    title: string,
    readonly remedy: string,
  ) {
    super(title);
  }

  /** What a refusal says. */
  static async of(response: Response): Promise<ApiError> {
    const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
    const title = problem.title ?? `The server refused this (${response.status} ${response.statusText}).`;
    const place = problem.where ? ` (${problem.where})` : "";
    return new ApiError(response.status, `${title.replace(/\.$/, "")}${place}.`, problem.remedy ?? "");
  }
}

export class Api {
  /** `headers` go with each request. */
  constructor(
    readonly place: Place,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  /** `query` stands behind the address. */
  get<A extends Answering<"get">>(address: A, values?: Values, query?: Values): Promise<Answer<"get", A>> {
    return this.#call("get", address, undefined, values, undefined, query);
  }

  /** `patience` in ms, where the server does more than to take note. */
  post<A extends Answering<"post">>(
    address: A,
    body?: Asked<"post", A>,
    values?: Values,
    patience?: number,
  ): Promise<Answer<"post", A>> {
    return this.#call("post", address, body, values, patience);
  }

  /** A picture. */
  async picture<A extends Answering<"get">>(address: A, values: Values): Promise<Blob> {
    return (await this.#response("get", address, undefined, values)).blob();
  }

  /** What is made of what is asked, and no JSON: a sound. */
  async file<A extends Answering<"post">>(address: A, body: Asked<"post", A>, patience?: number): Promise<Blob> {
    return (await this.#response("post", address, body, {}, patience)).blob();
  }

  /** Why a stream of events is refused; null: it is not, or nobody answers. */
  async refusal(address: Answering<"get">): Promise<ApiError | null> {
    const asking = new AbortController();
    try {
      const response = await fetch(this.place.at(address), { headers: this.headers, signal: asking.signal });
      return response.ok ? null : await ApiError.of(response);
    } catch {
      return null;
    } finally {
      asking.abort(); // a stream that is not refused has no end
    }
  }

  put<A extends Answering<"put">>(address: A, body: Asked<"put", A>): Promise<Answer<"put", A>> {
    return this.#call("put", address, body);
  }

  delete<A extends Answering<"delete">>(address: A, values?: Values): Promise<Answer<"delete", A>> {
    return this.#call("delete", address, undefined, values);
  }

  async #call<Result>(
    method: Method,
    address: keyof paths,
    body: unknown,
    values?: Values,
    patience?: number,
    query?: Values,
  ): Promise<Result> {
    const response = await this.#response(method, address, body, values, patience, query);
    return (response.status === 204 ? undefined : await response.json()) as Result;
  }

  async #response(
    method: Method,
    address: keyof paths,
    body: unknown,
    values: Values = {},
    patience = PATIENCE_MS,
    query: Values = {},
  ): Promise<Response> {
    const asked = new URLSearchParams(query).toString();
    const where = `${this.place.at(address, values)}${asked && `?${asked}`}`;
    const signal = AbortSignal.timeout(patience);
    const headers = { ...this.headers, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
    const content = body === undefined ? { headers } : { headers, body: JSON.stringify(body) };
    let response: Response;
    try {
      response = await fetch(where, { method: method.toUpperCase(), signal, ...content });
    } catch {
      throw new ApiError(0, "The server does not answer.", "Is the show still running? It is tried again by itself.");
    }
    if (!response.ok) throw await ApiError.of(response);
    return response;
  }
}
