// The same file as another module, of which the bundler keeps only what is imported from it: the
// texts of later screens are not loaded with those of the first one.
declare module '*/en.ts?account' {
  export const enAccount: typeof import('./en.ts').enAccount
}
