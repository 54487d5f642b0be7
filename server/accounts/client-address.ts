/** The header in which the routes tell Better Auth who is calling: Duly's own finding, never what came in. */
export const clientAddressHeader = 'x-duly-client-address'
