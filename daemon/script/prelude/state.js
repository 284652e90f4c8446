// What one realm knows of its run. One realm is one workflow: a child workflow has its own (SPEC H7).
export const state = {
  phase: '',            // the current phase() title
  dialect: 1,           // odw.v1.Dialect
  depth: 0,             // 1 in a child workflow
  listLengthMax: 4096,  // parallel and pipeline
  budgetTotal: null,
};
