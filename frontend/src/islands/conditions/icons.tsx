/** The product's icons, the same files that the template tag reads. */

const sources = import.meta.glob<string>(
  [
    "../../../../dynamail/web/icons/{address-book,adjustments-horizontal,alert-triangle,arrow-back-up,arrow-down,arrow-forward-up}.svg",
    "../../../../dynamail/web/icons/{arrow-left,arrow-right,arrow-up,at,bell,bolt,calendar,chevron-down,circle-check,circle-x}.svg",
    "../../../../dynamail/web/icons/{click,clock,copy,dots,filter,flag,grip-vertical,help-circle,inbox,keyboard,language}.svg",
    "../../../../dynamail/web/icons/{layout-grid,list-check,mail,mail-forward,mail-opened,minus,plus,refresh}.svg",
    "../../../../dynamail/web/icons/{rosette-discount-check,route,search,selector,send,shield-check,sparkles,tag,tags,trash,user,users,x}.svg",
  ],
  { query: "?raw", import: "default", eager: true },
);

const drawings = new Map(
  Object.entries(sources).map(([path, svg]) => [path.slice(path.lastIndexOf("/") + 1, -4), /<svg[^>]*>(.*)<\/svg>/s.exec(svg)?.[1] ?? ""]),
);

export function Icon({ name, size = 16 }: { name: string; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      dangerouslySetInnerHTML={{ __html: drawings.get(name) ?? drawings.get("help-circle")! }}
    />
  );
}
