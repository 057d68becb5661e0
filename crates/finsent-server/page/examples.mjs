// Texts that a newcomer can try with a click.

export const HEADLINES = [
  "Acme raises full-year outlook after record orders",
  "Bolt shares plunge 12% after profit warning",
  "Central bank leaves rates unchanged, as expected",
  "Chipmaker cuts net debt by a third and resumes dividend",
  "Retailer to close 40 stores as losses widen",
];

export const ARTICLE = `Northwind Airlines reported its best quarter in four years on Tuesday. Revenue rose 14% to $3.2 billion as summer bookings filled planes on both sides of the Atlantic. The board raised the dividend and said that it would retire two expensive bonds early.

The outlook is less bright. Fuel costs are rising again, and talks with the pilots' union have stalled. Analysts at two banks cut their estimates for next year, and the shares fell 3% in early trading. The annual meeting takes place in Lisbon on 12 May.`;
