/** What is wrong with one field of the request. */
export interface FieldError {
  field: string;
  message: string;
}

/** The server refused. `code` is stable and for programs, `message` a sentence for people, `hint` what to do about it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly requestId: string;
  readonly errors: FieldError[];

  constructor(status: number, told: Record<string, unknown>, headers: Headers) {
    super(typeof told["detail"] === "string" ? told["detail"] : `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = text(told["code"]) || "error";
    this.hint = text(told["hint"]);
    this.requestId = text(told["request_id"]) || headers.get("x-request-id") || "";
    this.errors = Array.isArray(told["errors"]) ? (told["errors"] as FieldError[]) : [];
  }
}

/** The server did not answer. A request with an idempotency key may be repeated safely. */
export class NoAnswer extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "NoAnswer";
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
