using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.DataBuild.Sources.Parallel;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.DataBuild;

public sealed class ParallelSourcesTests
{
    private static ParallelSource Source(string path, string? target = null) =>
        new() { Path = path, TargetPath = target, SrcLang = "English", TgtLang = "Chinese" };

    private static List<FoundPair> Pairs(ParallelSource with, params (string Name, byte[] Bytes)[] files)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        foreach (var (name, bytes) in files)
        {
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
        }
        return [.. PairFile.Read(with, name => DataFile.Find(new DataRoot(folder), name))];
    }

    private static List<FoundPair> Pairs(string name, string text) => Pairs(Source(name), (name, Encoding.UTF8.GetBytes(text)));

    private static string Failure(Action read) => Assert.Throws<StageException>(read).Message;

    [Fact]
    public void Two_files_are_aligned_by_line_and_a_blank_line_is_no_translation()
    {
        var pairs = Pairs(Source("a.en", "a.zh"), ("a.en", "one\n\nthree\n"u8.ToArray()), ("a.zh", "一\n二\n三"u8.ToArray()));
        Assert.Equal([("one", "一", null), ("", "二", PairFile.Untranslated), ("three", "三", null)],
            pairs.Select(pair => (pair.Pair.Source, pair.Pair.Target, pair.Dropped)));
        Assert.Equal([1L, 2, 3], pairs.Select(pair => pair.Place.Line));
    }

    [Fact]
    public void Files_of_unequal_length_are_refused_with_both_counts()
    {
        var message = Failure(() => Pairs(Source("a.en", "a.zh"), ("a.en", "1\n2\n3\n4\n"u8.ToArray()), ("a.zh", "1\n2\n"u8.ToArray())));
        Assert.Contains("a.en has 4 lines, the other 2", message);
    }

    [Fact]
    public void Of_a_TMX_the_two_languages_are_taken_and_inline_codes_left_out()
    {
        var pairs = Pairs("m.tmx", """
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE tmx SYSTEM "tmx14.dtd">
            <tmx version="1.4"><header srclang="en"/><body>
              <tu><tuv xml:lang="zh-CN"><seg>你 好</seg></tuv><tuv xml:lang="EN-us"><seg>Hello <bpt i="1">&lt;b&gt;</bpt>world<ept i="1"/>
              again</seg></tuv><tuv xml:lang="de"><seg>Hallo</seg></tuv></tu>
              <tu><tuv xml:lang="en"><seg>only one side</seg></tuv></tu><tu><tuv lang="en"><seg>A &amp; B</seg></tuv><tuv lang="zh"><seg>甲乙</seg></tuv></tu>
            </body></tmx>
            """);
        Assert.Equal([("Hello world again", "你 好", null), ("only one side", "", PairFile.Untranslated), ("A & B", "甲乙", null)],
            pairs.Select(pair => (pair.Pair.Source, pair.Pair.Target, pair.Dropped)));
        Assert.Equal([4L, 6, 6], pairs.Select(pair => pair.Place.Line));
    }

    [Theory]
    [InlineData("zh-CN", "en", "软件", "software")]
    [InlineData("zh-TW", "zh-CN", "軟體", "软件")]
    [InlineData("Traditional Chinese", "Simplified Chinese", "軟體", "软件")]
    [InlineData("Simplified Chinese", "Traditional Chinese", "软件", "軟體")]
    [InlineData("Chinese", "zh-TW", "软件", "軟體")]
    [InlineData("English", "zh-CN", "software", "软件")]
    public void Of_a_TMX_with_several_forms_of_a_language_the_named_one_is_taken_and_never_the_same_twice(string from, string to,
        string source, string target)
    {
        const string tmx =
            """<tmx version="1.4"><body><tu><tuv xml:lang="zh-TW"><seg>軟體</seg></tuv><tuv xml:lang="zh-CN"><seg>软件</seg></tuv><tuv xml:"""
                + """lang="EN-US"><seg>software</seg></tuv></tu></body></tmx>""";
        Assert.Equal(new SentencePair(source, target),
            Assert.Single(Pairs(new() { Path = "m.tmx", SrcLang = from, TgtLang = to }, ("m.tmx", Encoding.UTF8.GetBytes(tmx)))).Pair);
    }

    [Fact]
    public void A_TMX_without_the_region_that_is_asked_for_has_not_that_language() =>
        Assert.Contains("no unit has both zh-CN and en",
            Assert.Throws<StageException>(() => Pairs(new() { Path = "m.tmx", SrcLang = "zh-CN", TgtLang = "en" },
            ("m.tmx",
                Encoding.UTF8.GetBytes(
                    """<tmx><body><tu><tuv xml:lang="zh-TW"><seg>軟體</seg></tuv><tuv xml:"""
                        + """lang="en"><seg>software</seg></tuv></tu></body></tmx>""")))).Message);

    [Fact]
    public void A_TMX_opens_nothing_outside_itself()
    {
        var secret = Path.GetTempFileName();
        File.WriteAllText(secret, "secret");
        var tmx =
            $"""<!DOCTYPE tmx [<!ENTITY x SYSTEM "file://{secret}">]><tmx><body><tu><tuv xml:lang="en"><seg>&x;</seg></tuv>"""
            + """<tuv xml:lang="zh"><seg>甲</seg></tuv></tu></body></tmx>""";
        Assert.Contains("m.tmx:1: not well-formed", Failure(() => Pairs("m.tmx", tmx)));
    }

    [Fact]
    public void A_TMX_without_the_languages_is_refused_with_those_it_has()
    {
        var message = Failure(() => Pairs("m.tmx",
            """<tmx><body><tu><tuv xml:lang="fr"><seg>a</seg></tuv><tuv xml:lang="de"><seg>b</seg></tuv></tu></body></tmx>"""));
        Assert.Contains("de, fr", message);
        Assert.Contains("m.tmx:2:", Failure(() => Pairs("m.tmx", "<tmx>\n<body><tu></body></tmx>")));
    }

    [Fact]
    public void A_po_gives_its_translated_entries_with_their_lines()
    {
        var pairs = Pairs("c.po", """
            msgid ""
            msgstr "Content-Type: text/plain; charset=UTF-8\n"

            #: main.c:12
            msgctxt "menu"
            msgid "Open a \"file\"\n"
            "and read it"
            msgstr "打开"
            "文件"

            #, fuzzy
            msgid "Close"
            msgstr "关"

            msgid "%d cat"
            msgid_plural "%d cats"
            msgstr[0] "%d 只猫"
            msgstr[1] "%d 群猫"
            msgid "Later"
            msgstr ""
            #, fuzzy
            #~ msgid "Old"
            #~ msgstr "旧"

            msgid "New"
            msgstr "新"
            """);
        Assert.Equal([("Open a \"file\"\nand read it", "打开文件", null), ("Close", "关", "marked fuzzy"), ("%d cat", "%d 只猫", null),
            ("Later", "", PairFile.Untranslated), ("New", "新", null)],
            pairs.Select(pair => (pair.Pair.Source, pair.Pair.Target, pair.Dropped)));
        Assert.Equal([6L, 12, 15, 19, 25], pairs.Select(pair => pair.Place.Line));
        Assert.Equal([0L, 1, 2, 3, 4], pairs.Select(pair => pair.Place.Row));
    }

    [Theory]
    [InlineData("msgid \"a\nmsgstr \"b\"", "c.po:1")]
    [InlineData("msgid \"a\"\nmessage \"b\"", "c.po:2")]
    [InlineData("msgid \"a\"\nmsgstr\n", "c.po:2")]
    [InlineData("msgid \"a\"\nmsgstr \"b\"\n\nmsgid \"c\"\n", "c.po:4: this msgid has no msgstr")]
    public void A_broken_po_is_refused_with_its_line(string text, string where) =>
        Assert.Contains(where, Failure(() => Pairs("c.po", text)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_mo_is_read_in_either_byte_order(bool bigEndian)
    {
        var mo = Mo(bigEndian, ("", "Content-Type: text/plain"), ("menu\u0004Open", "打开"), ("cat\0cats", "猫\0群猫"), ("Later", ""));
        Assert.Equal([("Open", "打开", null), ("cat", "猫", null), ("Later", "", PairFile.Untranslated)],
            Pairs(Source("c.mo"), ("c.mo", mo)).Select(pair => (pair.Pair.Source, pair.Pair.Target, pair.Dropped)));
    }

    [Theory]
    [InlineData(8, 0x7FFFFFFF, "it ends before byte")]   // number of texts
    [InlineData(12, -4, "it ends before byte")]          // offset of the table
    [InlineData(28, 0x7FFFFFF0, "reaches beyond its end")] // a text's length
    [InlineData(32, -1, "reaches beyond its end")]       // a text's offset
    [InlineData(0, 0, "magic number")]
    public void A_mo_whose_offsets_lie_is_refused(int at, int value, string words)
    {
        var mo = Mo(bigEndian: false, ("a", "b"));
        BinaryPrimitives.WriteInt32LittleEndian(mo.AsSpan(at), value);
        Assert.Contains(words, Failure(() => Pairs(Source("c.mo"), ("c.mo", mo))));
    }

    [Fact]
    public void A_po_is_unescaped_as_C_is_and_a_tab_may_stand_after_a_keyword() =>
        Assert.Equal(new SentencePair("say \u001b[1m\aA", "x\"y\\z"), Assert.Single(
            Pairs(Source("c.po"), ("c.po", Encoding.UTF8.GetBytes("msgid\t\"say \\033[1m\\a\\x41\"\nmsgstr\t\"x\\\"y\\\\z\"\n")))).Pair);

    [Theory]
    [InlineData("caf\\303\\251 \\xe4\\xbd\\xa0", "café 你")]
    [InlineData("a\" \"b", "ab")]
    public void Escapes_of_a_po_are_bytes_and_texts_on_one_line_are_one(string written, string read) =>
        Assert.Equal(read,
            Assert.Single(Pairs(Source("c.po"), ("c.po", Encoding.UTF8.GetBytes($"msgid \"{written}\"\nmsgstr \"x\"\n")))).Pair.Source);

    [Theory]
    [InlineData("msgid \"ok\\\"\nmsgstr \"x\"\n")]
    [InlineData("msgid \"ok\" x\nmsgstr \"x\"\n")]
    public void A_text_of_a_po_without_its_end_is_refused_with_its_line(string text) =>
        Assert.Contains("c.po:1: a text in double quotes is missing",
            Assert.Throws<StageException>(() => Pairs(Source("c.po"), ("c.po", Encoding.UTF8.GetBytes(text)))).Message);

    [Fact]
    public void A_TMX_in_GBK_is_read()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var tmx = Encoding.GetEncoding("GBK")
            .GetBytes(
                """<?xml version="1.0" encoding="GBK"?><tmx><body><tu><tuv xml:lang="zh"><seg>软件</seg></tuv><tuv xml:"""
                    + """lang="en"><seg>software</seg></tuv></tu></body></tmx>""");
        Assert.Equal("软件", Assert.Single(Pairs(Source("m.tmx"), ("m.tmx", tmx))).Pair.Target);
    }

    [Fact]
    public void A_pair_with_an_empty_side_is_left_out_as_in_every_other_form() =>
        Assert.Equal([PairFile.Untranslated, null],
            Pairs(Source("p.tsv"), ("p.tsv", Encoding.UTF8.GetBytes("hello\t \nbye\t再见\n"))).Select(pair => pair.Dropped));

    [Fact]
    public void Texts_of_a_mo_that_stand_in_pieces_are_counted_as_left_out()
    {
        // Revision 0.1: after one text, 28 bytes of header and 16 of tables, the numbers at 28 to 44 are the first text's; a header of 48
        // bytes is laid before.
        var old = Mo(bigEndian: false, ("a", "b"));
        byte[] mo = [.. old[..28], .. new byte[20], .. old[28..]];
        foreach (var (at, value) in new[] { (4, 1), (12, 48), (16, 56), (36, 2) })
        {
            BinaryPrimitives.WriteInt32LittleEndian(mo.AsSpan(at), value);
        }
        foreach (var at in new[] { 52, 60 })
        {
            BinaryPrimitives.WriteInt32LittleEndian(mo.AsSpan(at), BinaryPrimitives.ReadInt32LittleEndian(mo.AsSpan(at)) + 20);
        }
        Assert.Equal([("a", null), ("", "format codes that depend on the machine"), ("", "format codes that depend on the machine")],
            Pairs(Source("c.mo"), ("c.mo", mo)).Select(pair => (pair.Pair.Source, pair.Dropped)));
    }

    private static byte[] Mo(bool bigEndian, params (string Id, string Text)[] entries)
    {
        const int header = 28;
        var texts = entries.Select(entry => Encoding.UTF8.GetBytes(entry.Id))
            .Concat(entries.Select(entry => Encoding.UTF8.GetBytes(entry.Text))).ToList();
        List<int> numbers = [unchecked((int)0x950412DE), 0, entries.Length, header, header + (8 * entries.Length), 0, 0];
        var offset = header + (16 * entries.Length);
        foreach (var text in texts)
        {
            numbers.AddRange([text.Length, offset]);
            offset += text.Length + 1;
        }
        List<byte> file = [];
        foreach (var number in numbers)
        {
            var bytes = BitConverter.GetBytes(number);
            file.AddRange(bigEndian ? bytes.Reverse() : bytes);
        }
        texts.ForEach(text => file.AddRange([.. text, 0]));
        return [.. file];
    }

    [Fact]
    public void A_sentence_that_holds_a_placeholder_is_not_filled_again()
    {
        var record = ParallelRecords.Make(new("Say [input] in [tgt_lang].", "t"), "English", "Chinese", "[tgt_lang] and [input]", "甲");
        Assert.Equal("Say [tgt_lang] and [input] in Chinese.", record.Instruction);
        Assert.Equal(("To Chinese:", "[src_lang]"), ParallelRecords.Make(new("To [tgt_lang]: [input]", "t"), "English", "Chinese",
            "[src_lang]", "甲") is var ending ? (ending.Instruction, ending.Input) : default);
    }

    [Fact]
    public async Task Templates_may_stand_in_the_pipeline_beside_files_of_them()
    {
        var source = Source("p.tsv") with { Templates = ["t.txt", "In [tgt_lang]: [input]"] };
        Assert.Equal(["p.tsv", "t.txt"], source.Files());
        var run = await new StageRun().File("p.tsv", "hello\t你好\nbye\t再见\n").File("t.txt", "Say in [tgt_lang]: [input]\n")
            .RunAsync(StageRun.With(source));
        var preview = await File.ReadAllTextAsync(Path.Combine(run.Dataset, "preview.md"), TestContext.Current.CancellationToken);
        Assert.Contains("\nIn Chinese:\n", preview);
        Assert.Contains("\nSay in Chinese:\n", preview);
        Assert.Contains("templates, item 2: nothing is known of the placeholder [x]",
            await new StageRun().File("p.tsv", "a\tb\n").File("t.txt", "[input]\n")
                .FailureAsync(StageRun.With(source with { Templates = ["t.txt", "[x] [input]"] })));
        Assert.Contains("templates, item 1: nothing is known of the placeholder [inputt]",
            await new StageRun().File("p.tsv", "a\tb\n").FailureAsync(StageRun.With(source with { Templates = ["Say [inputt]"] })));
    }

    [Fact]
    public void Templates_are_drawn_evenly_and_by_the_seed()
    {
        TemplateList list = new([.. Enumerable.Range(0, 7).Select(i => new Template($"{i} [input]", "t"))]);
        var drawn = list.Draw(3).Take(7 * 5 + 3).ToList();
        Assert.Equal([6, 6, 6, 5, 5, 5, 5], drawn.CountBy(template => template).Select(count => count.Value).OrderDescending());
        Assert.Equal(drawn, list.Draw(3).Take(drawn.Count));
        Assert.NotEqual(drawn, list.Draw(4).Take(drawn.Count));
    }

    [Theory]
    [InlineData("Say it in [lang]: [input]", "[lang]")]
    [InlineData("Say it", "[input] exactly once")]
    [InlineData("[input] and [input]", "[input] exactly once")]
    public async Task A_template_with_wrong_placeholders_is_refused_with_its_line(string template, string words)
    {
        var message = await new StageRun().File("p.tsv", "a\t甲\n").File("t.txt", $"# ours\n\nTo [tgt_lang] [1]: [input]\n{template}\n")
            .FailureAsync(StageRun.With(Source("p.tsv") with { Templates = ["t.txt"] }));
        Assert.StartsWith("t.txt:4:", message);
        Assert.Contains(words, message);
    }

    [Fact]
    public async Task Pairs_of_unlike_length_or_in_the_wrong_script_are_left_out_and_counted()
    {
        var pairs = "good morning\t早上好\nyes\t这一行说的是完全不同的一件事情\n早上\t晚上\nhello there\thello there\nGIMP manual\tGIMP 手册\n";
        var run = await new StageRun().File("p.tsv", pairs)
            .RunAsync(StageRun.With(Source("p.tsv") with { MaxLengthRatio = 3, CheckScripts = true }));
        var dropped = JsonElement.Parse(await File.ReadAllBytesAsync(Path.Combine(run.Dataset, "dataset.json"),
            TestContext.Current.CancellationToken)).GetProperty("total").GetProperty("dropped");
        Assert.Equal("""{"length ratio":1,"not in the script of Chinese":1,"not in the script of English":1}""",
            JsonSerializer.Serialize(dropped));
    }

    [Fact]
    public void A_Chinese_character_counts_as_three_and_a_half_letters()
    {
        // 12 letters against 3 · 3.5.
        Assert.Equal(12 / 10.5, PairFilter.Ratio(new("good morning", "早上好")), 12);
        Assert.Equal(4, PairFilter.Ratio(new("x", "abcd")));
    }
}
