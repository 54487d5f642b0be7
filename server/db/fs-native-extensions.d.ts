declare module 'fs-native-extensions' {
  /** Locks `length` bytes from `offset` without waiting; false where another open file has them. */
  export function tryLock(descriptor: number, offset?: number, length?: number): boolean
}
