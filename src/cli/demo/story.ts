/** What the demo's writers write together. Written for it, and free for any use. */

export const paragraphs: readonly string[] = [
  "The lamp at Cape Halden was lit for the first time on a night without wind, and nobody saw it. The keeper wrote that down all the same, in a book that had only one column, because a record that is kept only on the nights that matter is not a record.",
  "A league to the north stood the second tower, and a league beyond it the third. Each keeper could see two lights: the one before and the one after. None of them had ever met all the others, and it did not seem to trouble anyone that the message which crossed the coast belonged to no one in particular.",
  "They had agreed on very little. A shutter open for one breath was a short sign, for three a long one. Whoever saw a sign showed it again at once, both ways, and whoever saw his own sign come back let it rest. That was the whole of the law, and it filled less than a page.",
  "The first winter taught them the second page. Fog took the fourth tower for nine days, and the towers on either side went on talking, each to its own half of the coast. When the fog lifted there were two histories, and both of them were true.",
  "So the keepers began to number what they sent. Not for the sake of order, old Marit said, but for the sake of honesty: a man who holds the seventh sign and the ninth knows exactly what he does not know, and may ask his neighbour for the eighth.",
  "Asking turned out to be cheaper than shouting. A keeper who came back from the fog no longer wanted the whole winter told again. He showed the last number he had from each tower, and his neighbours showed him the rest, and by supper there was one history again.",
  "There was a slow man at the sixth tower. He copied every sign into his book in a fair hand before he passed it on, and in busy weeks the whole coast waited for his capitals. It was Ysolde, the youngest, who proposed that the others should go on without him.",
  "He would lose nothing, she said. Let him drop what he cannot carry, so long as he is told that he has dropped it. In the evening he may ask for the state of things as they are, and need not live through how they came to be so. He was angry for a week and grateful for thirty years.",
  "Then the tower at Halden burned. It had been the first and so it had been the one that everybody followed, without anybody having said so. For a whole night the coast was dark, although eleven lamps were lit on it, because each of them was waiting for a twelfth.",
  "In the morning they wrote the third page. Any tower may lead, it says, if more than half of the others have seen its lamp and said so. And a tower that can no longer see half of the lamps must cover its own, however sure it is of the night and of itself.",
  "People came to look at the towers and asked which of them was the office. There is no office, the keepers said. There is a coast, and there are those who live on it and look at each other.",
  "Ysolde kept the sixth tower after the slow man. On the last page of his book, in the fair hand, she found a line that she had never passed on, because it was addressed to nobody. It said: all is well here, and I can see your light.",
]

export const story: string = `${paragraphs.join("\n\n")}\n`

/** Stands in the text where a paragraph is being written; goes when it is done. */
export function markerOf(paragraph: number): string {
  return `⟦${paragraph + 1}⟧`
}

/** The text before anybody writes: only the places. */
export const blankStory: string = `${paragraphs.map((_, index) => markerOf(index)).join("\n\n")}\n`
