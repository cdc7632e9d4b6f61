"""The style sheet of a report page: light and dark by the reader's preference, light on paper."""

from __future__ import annotations

from hwasc.report.theme import DARK, LIGHT


def _variables(colours: dict[str, str], **more: str) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in {**colours, **more}.items())


_LIGHT = _variables(LIGHT, page="#f3f5f7", mark="#fdf1e7", good="#087a5a", soft="#e9eef3", link="#1f65a3")
_DARK = _variables(DARK, page="#11171d", mark="#3a2a1c", good="#46c79b", soft="#26303a", link="#7db7e8")
_FONTS = (
    '--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;'
    '--mono:ui-monospace,SFMono-Regular,Consolas,"DejaVu Sans Mono",monospace;'
)

SHEET = (
    f"""
:root{{color-scheme:light dark;{_FONTS}{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
@media print{{:root{{color-scheme:light;{_LIGHT}--page:#fff}}}}
"""
    + """
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 var(--sans)}
header,main,footer{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:36px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
.subtitle{color:var(--muted);margin:0;font-size:16px;overflow-wrap:anywhere}
nav{margin:14px 0 0;display:flex;flex-wrap:wrap;gap:4px 18px}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
section{background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:20px 24px 22px;margin:20px 0}
h2{font-size:19px;margin:0 0 12px}
p{margin:0 0 12px;max-width:82ch;overflow-wrap:anywhere}
section>:last-child{margin-bottom:0}
.facts{display:grid;grid-template-columns:repeat(3,1fr);gap:10px;margin:0 0 14px}
.facts.four{grid-template-columns:repeat(4,1fr)}
.facts div{background:var(--soft);border-radius:8px;padding:11px 14px}
.facts dt{color:var(--muted);font-size:13px;line-height:19px;display:flex;justify-content:space-between;gap:8px}
.facts dd{font-variant-numeric:tabular-nums;
margin:2px 0 0;font-size:21px;font-weight:650;line-height:1.3;overflow-wrap:anywhere}
.facts dd small{display:block;font-size:12.5px;font-weight:400;color:var(--muted);line-height:1.4}
.kind{font-size:11px;font-weight:600;border:1px solid var(--grid);border-radius:99px;padding:0 7px;
color:var(--muted);white-space:nowrap;align-self:start;line-height:17px}
.kind.exact{color:var(--good);border-color:var(--good)}
.kind.measured{color:var(--link);border-color:var(--link)}
.kind.estimate{border-style:dashed}
.scroll{overflow:auto;max-height:560px;border:1px solid var(--grid);border-radius:8px;margin:0 0 14px}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);padding:8px 12px;font-size:13px}
th,td{padding:5px 9px;text-align:left;border-top:1px solid var(--grid);vertical-align:top}
td{overflow-wrap:break-word;max-width:60ch}
thead th{position:sticky;top:0;background:var(--soft);border-top:0;font-weight:600;vertical-align:bottom;z-index:1}
tbody th{font-weight:500}
.n{text-align:right;white-space:nowrap}
tr.mark>*{background:var(--mark)}
tr.mark th{font-weight:700}
.meter{position:relative;min-width:150px;height:18px;background:var(--soft);border-radius:4px;overflow:hidden}
.meter i{position:absolute;inset:0 auto 0 0;background:#0a9b73;opacity:.55}
.meter.over i{background:#d1571b;opacity:.75}
.meter span{position:absolute;inset:0;padding-left:7px;font-size:12px;line-height:18px;font-weight:600}
figure{margin:0 0 16px}
.plot{overflow-x:auto;overflow-y:hidden}
.plot svg{display:block;width:100%;height:auto;margin:0 auto}
.plot svg text{font-family:var(--sans)!important}
figcaption{color:var(--muted);font-size:13px;max-width:100ch;margin-top:6px}
pre{background:var(--soft);border-radius:8px;padding:12px 14px;overflow:auto;
font:13px/1.5 var(--mono);margin:0 0 14px}
footer{color:var(--muted);font-size:13px;padding-bottom:40px;overflow-wrap:anywhere}
@media (max-width:980px){.facts,.facts.four{grid-template-columns:repeat(auto-fit,minmax(200px,1fr))}}
@media (max-width:760px){header,main,footer{padding-left:12px;padding-right:12px}section{padding:16px 14px}
.plot svg{min-width:680px}}
@media print{body{font-size:11px}header,main,footer{max-width:none;padding:0}nav{display:none}
section{border:0;padding:0;break-inside:auto}.scroll{max-height:none;overflow:visible;border:0}
figure,.facts div,tr{break-inside:avoid}h2{break-after:avoid}thead th{position:static}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
)
