// The native side (bindings.cc), handed to the bundle as `host` when the snapshot is made. Never
// reachable from a script.
export const host = __odwHost;

// Kinds of Line in script.proto.
export const LINE_LOG = 0;
export const LINE_CONSOLE = 1;
export const LINE_PHASE = 2;
export const LINE_WARNING = 3;

// odw.v1.Dialect.
export const DIALECT_ODW = 2;
