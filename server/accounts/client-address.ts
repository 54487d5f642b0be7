/** The header with the client address for Better Auth. Duly sets it, clients cannot. */
export const clientAddressHeader = 'x-duly-client-address'
