using System.Buffers.Binary;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Sentence pairs: tab-separated, TMX, gettext's two forms.</summary>
internal static class PairTargets
{
    private const string Tsv = "Hello.\t你好。\nGood night, all.\t大家晚安。\n\n";
    private const string Po = """
        # header
        msgid ""
        msgstr "Content-Type: text/plain; charset=UTF-8\n"

        #: a.c:1
        #, fuzzy
        msgctxt "menu"
        msgid "Open\t\x41\101"
        msgstr "打开"

        msgid "one"
        msgid_plural "many"
        msgstr[0] "一"
        msgstr[1] "多"

        #~ msgid "old"
        #~ msgstr "旧"
        msgid "a "
        "b"
        msgstr "c"

        """;
    private const string Tmx = """
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE tmx SYSTEM "tmx14.dtd">
        <tmx version="1.4"><header srclang="en"/><body>
        <tu><tuv xml:lang="en"><seg>Hello <bpt i="1">&lt;b></bpt>you<ept i="1"/>.</seg></tuv><tuv xml:lang="zh-CN"><seg><![CDATA[你好。]]></seg></tuv></tu>
        <tu><tuv xml:lang="en"><seg/></tuv><tuv xml:lang="zh-TW"><seg>晚安&#x3002;</seg></tuv></tu>
        </body></tmx>
        """;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("pairs");
        yield return Of("pairs-tsv", ".tsv", ["\t", "\r\n"], AllTargets.Utf8(Tsv));
        yield return Of("pairs-po", ".po", ["msgid \"", "msgstr[", "msgctxt", "#~", "#, fuzzy", "\\x", "\\777", "\\"], AllTargets.Utf8(Po));
        yield return Of("pairs-mo", ".mo", [], Mo(littleEndian: true), Mo(littleEndian: false));
        yield return Of("pairs-tmx", ".tmx", ["<tu>", "</tu>", "<seg>", "&lt;", "&a;", "&#x10ffff;", "<!ENTITY a \"b\">", "<![CDATA[",
            "]]>", "<!--", "encoding=\"utf-16\"", "encoding=\"gbk\"", "xmlns:xml=\"x\"", "<ph>"], AllTargets.Utf8(Tmx));
        yield return Of("pairs-gz", ".tsv.gz", [], TableTargets.Gzip(Tsv));
        yield return new("pairs-aligned", () => [AllTargets.Utf8("Hello.\nGood night.\n\0你好。\n晚安。\n")], bytes =>
        {
            // Two files in one input, with a NUL between.
            var between = Math.Max(0, Array.IndexOf(bytes, (byte)0));
            Scratch.Write(folder, "a.en", bytes.AsSpan(0, between));
            Scratch.Write(folder, "a.zh", bytes.AsSpan(between == 0 ? 0 : between + 1));
            Read(new() { Path = "a.en", TargetPath = "a.zh", SrcLang = "en", TgtLang = "zh", CheckScripts = true });
        }, typeof(StageException));

        Target Of(string name, string form, IReadOnlyList<string> words, params byte[][] corpus) => new(name, () => corpus, bytes =>
        {
            Scratch.Write(folder, $"a{form}", bytes);
            Read(new() { Path = $"a{form}", SrcLang = "en", TgtLang = "Chinese", MaxLengthRatio = 3 });
        }, typeof(StageException))
        { Words = words };

        void Read(ParallelSource with) =>
            TableTargets.Drain(new ParallelRecords(with, name => new DataFile(name, Path.Combine(folder, name)), 1, []).Read());
    }

    /// <summary>A catalogue of an empty msgid, a plain one, and one with context and plural.</summary>
    private static byte[] Mo(bool littleEndian)
    {
        (string Id, string Text)[] entries =
            [("", "Content-Type: text/plain; charset=UTF-8\n"), ("menu\u0004Open\0Opens", "打开\0打开"), ("one", "一")];
        var texts = entries.SelectMany(entry => new[] { AllTargets.Utf8(entry.Id), AllTargets.Utf8(entry.Text) }).ToList();
        var file = new byte[28 + (16 * entries.Length) + texts.Sum(text => text.Length + 1)];
        void Put(int at, int number)
        {
            if (littleEndian)
            {
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), number);
            }
            else
            {
                BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(at), number);
            }
        }
        int[] header = [unchecked((int)0x950412DE), 0, entries.Length, 28, 28 + (8 * entries.Length), 0, 28 + (16 * entries.Length)];
        for (var i = 0; i < header.Length; i++)
        {
            Put(i * 4, header[i]);
        }
        var offset = 28 + (16 * entries.Length);
        for (var i = 0; i < texts.Count; i++)
        {
            var table = i % 2 == 0 ? 28 : 28 + (8 * entries.Length);
            Put(table + (i / 2 * 8), texts[i].Length);
            Put(table + (i / 2 * 8) + 4, offset);
            texts[i].CopyTo(file, offset);
            offset += texts[i].Length + 1;
        }
        return file;
    }
}
