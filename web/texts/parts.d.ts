// The same file as another module, of which the bundler keeps only what is imported from it: the
// texts of later screens are not loaded with those of the first one.
declare module '*/en.ts?later' {
  export const enLater: typeof import('./en.ts').enLater
}
