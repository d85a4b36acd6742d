using System.Xml;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>
/// Translation Memory eXchange 1.4: of each &lt;tu&gt; the &lt;tuv&gt; of the two languages, read as a stream. The DOCTYPE that most files
/// have is skipped; nothing outside the file is ever opened.
/// </summary>
internal static class Tmx
{
    /// <summary>An XML file names its encoding; older ones are in GBK or windows-1252.</summary>
    static Tmx() => System.Text.Encoding.RegisterProvider(System.Text.CodePagesEncodingProvider.Instance);

    /// <summary>Bytes of one unit, and depth of its elements: the reader holds both in memory.</summary>
    private const int LongestUnit = 4 << 20;
    private const int MostDepth = 100;

    public static IEnumerable<FoundPair> Read(DataFile file, ParallelSource with)
    {
        using UnitLimit stream = new(file.Open(), LongestUnit,
            () => new StageException($"{file.Name}: a unit, or what stands before the first one, is longer than {LongestUnit >> 20} MiB. "
                + "Is the file a translation memory? Look at it, or export it again."));
        using var xml = XmlReader.Create(stream,
            new() { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null, IgnoreComments = true, IgnoreProcessingInstructions = true });
        SortedSet<string> seen = new(StringComparer.Ordinal);
        var (row, found) = (0L, false);
        while (Next(file, xml))
        {
            Place place = new(file.Name, row++, ((IXmlLineInfo)xml).LineNumber);
            var texts = Unit(file, xml);
            stream.Next();
            seen.UnionWith(texts.Keys);
            var (source, target) = Sides(texts, with.SrcLang, with.TgtLang);
            found |= source is not null && target is not null;
            yield return new(new(source ?? "", target ?? ""), place,
                string.IsNullOrEmpty(source) || string.IsNullOrEmpty(target) ? PairFile.Untranslated : null);
        }
        if (!found && row > 0)
        {
            throw new StageException($"{file.Name}: no unit has both {with.SrcLang} and {with.TgtLang}. The file's languages "
                + $"are: {string.Join(", ", seen)}. Give src_lang and tgt_lang as names (Chinese) or as these codes.");
        }
    }

    /// <summary>
    /// The texts of the two languages, never the same one twice: a unit may hold zh-CN and zh-TW. What is named exactly goes first.
    /// </summary>
    private static (string? Source, string? Target) Sides(Dictionary<string, string> texts, string from, string to)
    {
        var target = Language.Nearest(to, texts.Keys, exactly: true);
        var source = Language.Nearest(from, texts.Keys.Where(code => code != target));
        target ??= Language.Nearest(to, texts.Keys.Where(code => code != source));
        return (source is null ? null : texts[source], target is null ? null : texts[target]);
    }

    /// <summary>To the next &lt;tu&gt;.</summary>
    private static bool Next(DataFile file, XmlReader xml) => Guarded(file, () =>
    {
        while (xml.NodeType != XmlNodeType.Element || xml.Name != "tu")
        {
            RequireFlat(file, xml);
            if (!xml.Read())
            {
                return false;
            }
        }
        return true;
    });

    private static void RequireFlat(DataFile file, XmlReader xml)
    {
        if (xml.Depth > MostDepth)
        {
            throw new StageException($"{file.Name}:{((IXmlLineInfo)xml).LineNumber}: elements stand more than {MostDepth} deep in each "
                + "other. Is the file a translation memory? Look at it, or export it again.");
        }
    }

    /// <summary>
    /// Language code → text of the unit that the reader stands at; the reader stands behind it afterwards. Inline codes are left out of a
    /// text.
    /// </summary>
    private static Dictionary<string, string> Unit(DataFile file, XmlReader xml) => Guarded(file, () =>
    {
        Dictionary<string, string> texts = new(StringComparer.OrdinalIgnoreCase);
        using var unit = xml.ReadSubtree();
        string? language = null;
        var segment = false;
        System.Text.StringBuilder text = new();
        while (unit.Read())
        {
            RequireFlat(file, xml);
            switch (unit.NodeType, unit.Name)
            {
                case (XmlNodeType.Element, "tuv"):
                    language = unit.GetAttribute("xml:lang") ?? unit.GetAttribute("lang") ?? "";
                    break;
                case (XmlNodeType.Element, "seg"):
                    (segment, _) = (!unit.IsEmptyElement, text.Clear());
                    break;
                case (XmlNodeType.EndElement, "seg"):
                    segment = false;
                    texts.TryAdd(language ?? "",
                        string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
                    break;
                case (XmlNodeType.Element, "bpt" or "ept" or "it" or "ph" or "ut") when segment && !unit.IsEmptyElement:
                    SkipCode(unit);
                    break;
                case (XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace, _) when segment:
                    text.Append(unit.Value);
                    break;
            }
        }
        unit.Dispose();
        xml.Read();
        return texts;
    });

    private static void SkipCode(XmlReader unit)
    {
        var depth = unit.Depth;
        while (unit.Read() && unit.Depth > depth)
        {
        }
    }

    private static T Guarded<T>(DataFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (XmlException e)
        {
            throw new StageException($"{file.Name}:{e.LineNumber}: not well-formed XML: {e.Message} Mend the file, or export it again.",
                inner: e);
        }
    }
}
