using System.Globalization;
using System.Text;

namespace LoraAspire.DataBuild.Output;

/// <summary>How long the rows are, in tokens.</summary>
/// <param name="lengths">Length → rows of that length, ascending.</param>
internal sealed class LengthHistogram(IReadOnlyDictionary<int, long> lengths)
{
    public const string FileName = "lengths.svg";

    private const int MostBins = 40;
    private const int Width = 860, Height = 260, Left = 64, Right = 16, Top = 34, Bottom = 30;

    public int Longest => lengths.Count == 0 ? 0 : lengths.Keys.Max();

    public int Median => Below(0.5);

    /// <summary>95 of 100 rows are no longer than this.</summary>
    public int P95 => Below(0.95);

    /// <summary>Bins of equal width, a power of two, from length 1 to the longest; empty ones too.</summary>
    public IReadOnlyList<(int From, int To, long Rows)> Bins
    {
        get
        {
            var width = 1;
            while (width * MostBins < Longest)
            {
                width *= 2;
            }
            var bins = new long[(Longest + width - 1) / width];
            foreach (var (length, rows) in lengths)
            {
                bins[(length - 1) / width] += rows;
            }
            return [.. bins.Select((rows, bin) => ((bin * width) + 1, (bin + 1) * width, rows))];
        }
    }

    public string Draw()
    {
        var bins = Bins;
        var most = Math.Max(1, bins.Max(bin => bin.Rows));
        double step = (double)(Width - Left - Right) / bins.Count, base_ = Height - Bottom;
        var svg = new StringBuilder();
        void Add(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        svg.Append(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"system-ui, sans-serif\" "
            + $"font-size=\"12\" fill=\"#5b6470\">").Append('\n');
        Add($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/>");
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{Left}\" y=\"20\">rows by length in tokens; half are no longer than {Median}, 95 of 100 no longer than {P95}, "
            + $"the longest has {Longest}</text>").Append('\n');
        foreach (var part in new[] { 0.0, 0.5, 1.0 })
        {
            var y = base_ - (part * (base_ - Top));
            svg.Append(CultureInfo.InvariantCulture,
            $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:0.#}\" y2=\"{y:0.#}\" stroke=\"#e3e6ea\"/><text x=\"{Left - 8}\" "
                + $"y=\"{y + 4:0.#}\" text-anchor=\"end\">{most * part:N0}</text>").Append('\n');
        }
        for (var i = 0; i < bins.Count; i++)
        {
            var (from, to, rows) = bins[i];
            var height = rows * (base_ - Top) / most;
            svg.Append(CultureInfo.InvariantCulture,
            $"<rect x=\"{Left + (i * step) + 0.5:0.##}\" y=\"{base_ - height:0.##}\" width=\"{Math.Max(0.5, step - 1):0.##}\" "
                + $"height=\"{height:0.##}\" fill=\"#2f6fde\"><title>{from}–{to} tokens: {rows:N0} rows</title></rect>").Append('\n');
            if (i % Math.Max(1, bins.Count / 8) == 0)
            {
                Add($"<text x=\"{Left + (i * step):0.##}\" y=\"{Height - 10}\" text-anchor=\"middle\">{from - 1}</text>");
            }
        }
        return svg.Append("</svg>\n").ToString();
    }

    private int Below(double part)
    {
        var wanted = Math.Ceiling(lengths.Values.Sum() * part);
        var seen = 0L;
        foreach (var (length, rows) in lengths)
        {
            seen += rows;
            if (seen >= wanted)
            {
                return length;
            }
        }
        return 0;
    }
}
