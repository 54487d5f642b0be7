/** /favicon.ico: one PNG of 32 pixels, a white tick on a green square. */
export const icon = Buffer.from(
  [
    'AAABAAEAICAAAAEAIABtAQAAFgAAAIlQTkcNChoKAAAADUlIRFIAAAAgAAAAIAgGAAAAc3p69AAAATRJREFUeNpjkM',
    '+PYUDCCkDcD8Tngfg/lfF5qNkKyHYiW54AxO9pYDE6fg+1C8UBCXSwGB0nwBygQCefYwsJBQZovPwfINzPQKMER3TC',
    'ZBhAy8F4+DpAtyLtf+O6xWAMYtPVASALrz558B8Gjt++Rl8HrD556D86oJsD+revw7AcFBp0cUDx0pkYln/89vW/Z1',
    'c17R0AsgRkGToIn9xK+1wASnTYLAeFCNnZEGQoKPWCwOO3r3EGI3qKhwFQQqSoHECPT1xxufPSGQzL8WU7sh2AzRFz',
    'D+zAmuLxFTwkpQFsQQtzBDkpnmQH4IpfbAkOBEi1nKhcgMsR5KR4srMhIUeA0gLNa0NcjgDlArpVx+iOIDXFU60kBM',
    'U3oXp+SLWIBrxROuDN8gHvmAx412xQdE4HrHsOAFilXfx/MWx4AAAAAElFTkSuQmCC',
  ].join(''),
  'base64',
)
