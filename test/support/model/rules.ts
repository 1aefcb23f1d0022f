/** The deadlock rules as data, so that a test can take one away and see what it was good for. */
export interface Rules {
  /** Every edge, batch at work and unspillable state owns its floor. Without: one pool, first come, first served. */
  hasFloors: boolean;
  /** Room for the largest output is reserved before the input is taken. Without: afterwards, with the input in hand. */
  reservesFirst: boolean;
  /** Memory beyond floors goes to whoever is nearest to a sink. Without: to whoever asks. */
  grantsFromSinks: boolean;
  /** Inputs of a join that hang together elsewhere are taken, and spilled, also while another is waited for. */
  spillsEntangled: boolean;
  /**
   * What makes sure that the lowest sequence without a reservation gets one: a batch of the floor that is its own; that others reserve
   * only where they leave as much, in whatever memory; or nothing.
   */
  roomOfLowest: 'its own' | 'left by others' | 'none';
  /**
   * `in band`: as the design has it, a mark in the stream that each source sends and each operator passes on. `standing still`: as the
   * engine does it: sources stop, everything on its way is taken in, and what is there then is the snapshot.
   */
  barriers: 'in band' | 'standing still';
  /** While a barrier aligns, the inputs that it has not come by are taken and held. */
  drainsWhileAligning: boolean;
  /**
   * `reservations`: as the design has it. `credits`: as channels are built today: nobody waits for memory, and packets wait for
   * credit of their edge when they are made.
   */
  discipline: 'reservations' | 'credits';
  /** Which packets pass without credit: those up to the count of packets taken, or only the one that equals it. */
  passesWithoutCredit: 'up to taken' | 'equal to taken';
  /** Lanes share a join only where its inputs do not hang together elsewhere. */
  sharesApartOnly: boolean;
  /** A lane of a shared join takes right rows also while it waits for room in its output. */
  takesSideMeanwhile: boolean;
  /** A lane of a shared join that has no left rows any more takes right rows to their end. */
  drainsSide: boolean;
}

export const ALL_RULES: Rules = {
  hasFloors: true,
  reservesFirst: true,
  grantsFromSinks: true,
  spillsEntangled: true,
  roomOfLowest: 'its own',
  barriers: 'in band',
  drainsWhileAligning: true,
  discipline: 'reservations',
  passesWithoutCredit: 'up to taken',
  sharesApartOnly: true,
  takesSideMeanwhile: true,
  drainsSide: true,
};
