/**
 * Frames of a workflow's stack traces. The SDK takes one of every promise, through the source map, for the query
 * `__stack_trace`: with V8's ten frames a third of what a run costs in the workflow thread. The SDK's own two frames come
 * first at a promise; what a bug throws still says where, and from where it was called.
 */
const FRAMES = 2;

// Only while the bundle is preloaded: after that the globals of a workflow are frozen.
if (!Object.isFrozen(Error)) Error.stackTraceLimit = FRAMES;
