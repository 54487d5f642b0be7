/** Loads code that the first screen needs soon after it is painted, in one request. */
export const loadLater = () => import('./later.ts')
