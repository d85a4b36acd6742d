using System.IO.Compression;
using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.DataBuild.Sources.Parallel;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.DataBuild;

/// <summary>
/// A small .gz that unpacks to hundreds of megabytes without an end of line, row, entry or unit: the reader stops after a few of them.
/// </summary>
public sealed class EndlessFilesTests : IDisposable
{
    private const int Megabytes = 200;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-endless-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a.tsv", "", "\0", "a.tsv:1: ")]
    [InlineData("a.tsv", "text\tlabel\n", "a", "a.tsv:2: ")]
    [InlineData("a.tsv", "text\tlabel\n", "\t", "a.tsv:2: ")]
    [InlineData("a.csv", "", "\0", "a.csv:1: ")]
    [InlineData("a.csv", "text,label\n", ",", "a.csv:2: ")]
    [InlineData("a.csv", "text,label\n", "\"\"", "a.csv:2: ")]
    [InlineData("a.csv", "text,label\n\"", "a\n", "a.csv:2: ")]
    [InlineData("a.jsonl", "", "\0", "a.jsonl:1: ")]
    [InlineData("a.jsonl", "{\"a\":\"", "a", "a.jsonl:1: ")]
    [InlineData("a.json", "[", " ", "a.json:1: ")]
    [InlineData("a.json", "[{\"a\":", "[", "a.json:1: ")]
    public void A_table_without_end_is_left_where_its_row_begins(string name, string start, string rest, string place) =>
        AssertLeft(place, () => TableRows.Read(Endless(name, start, rest)).Count());

    [Theory]
    [InlineData("p.tsv", "one\teins\n", "\0", "p.tsv:2: ")]
    [InlineData("p.txt", "", "a", "p.txt:1: ")]
    [InlineData("p.po", "", "\0", "p.po:1: ")]
    [InlineData("p.po", "msgid \"a\"\nmsgstr \"", "a", "p.po:2: ")]
    [InlineData("p.po", "msgid \"a\"\nmsgstr \"b\"\n", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n", "p.po:1: ")]
    [InlineData("p.mo", "\u00de\u0012\u0004\u0095", "\0", "p.mo: ")]
    [InlineData("p.tmx", "", "\0", "p.tmx:1: ")]
    [InlineData("p.tmx", "<tmx><body><tu><tuv xml:lang='en'><seg>", "a", "p.tmx: ")]
    [InlineData("p.tmx", "<tmx><body><tu><tuv xml:lang='en'><seg>", "<!-- -->", "p.tmx: ")]
    [InlineData("p.tmx", "<tmx><body>", "<a>", "p.tmx:1: ")]
    [InlineData("p.tmx", "<tmx><body><tu a='", "a", "p.tmx: ")]
    public void A_corpus_without_end_is_left_in_words(string name, string start, string rest, string place)
    {
        var file = Endless(name, start, rest);

        AssertLeft(place, () => PairFile.Read(new() { Path = name, SrcLang = "en", TgtLang = "de" }, _ => file).Count());
    }

    [Fact]
    public void A_list_of_templates_without_end_is_left_in_words() =>
        AssertLeft("t.txt:1: ", () => TemplateList.Read(Endless("t.txt", "", "[input] ")).Count());

    [Fact]
    public void A_table_of_more_columns_than_anybody_reads_is_refused()
    {
        var header = string.Join(',', Enumerable.Range(0, 20_000).Select(column => $"c{column}"));
        File.WriteAllText(Path.Combine(_folder, "wide.csv"), header + "\n");
        File.WriteAllText(Path.Combine(_folder, "wide.jsonl"),
            "{" + string.Join(',', Enumerable.Range(0, 20_000).Select(column => $"\"c{column}\":1")) + "}\n");

        Assert.Contains("names 20000 columns",
            Assert.Throws<StageException>(() => TableRows.Read(new("wide.csv", Path.Combine(_folder, "wide.csv"))).Count()).Message);
        Assert.Contains("more than 10000 columns",
            Assert.Throws<StageException>(() => TableRows.Read(new("wide.jsonl", Path.Combine(_folder, "wide.jsonl"))).Count()).Message);
    }

    [Fact]
    public void A_row_as_long_as_a_book_is_still_read()
    {
        var book = string.Concat(Enumerable.Repeat("a word, ", 200_000));
        File.WriteAllText(Path.Combine(_folder, "book.csv"), $"text,label\n\"{book}\",1\n");

        Assert.Equal(book, Assert.Single(TableRows.Read(new("book.csv", Path.Combine(_folder, "book.csv")))).Cells["text"]);
    }

    /// <summary>Reading allocates in proportion to what is kept, not to what comes.</summary>
    private static void AssertLeft(string place, Func<int> read)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.StartsWith(place, Assert.Throws<StageException>(() => read()).Message);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) >> 20, 0, 260);
    }

    private DataFile Endless(string name, string start, string rest)
    {
        var path = Path.Combine(_folder, name + ".gz");
        using GZipStream gzip = new(File.Create(path), CompressionLevel.Fastest);
        gzip.Write(Encoding.Latin1.GetBytes(start));
        var block = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(rest, (1 << 20) / rest.Length)));
        for (var megabyte = 0; megabyte < Megabytes; megabyte++)
        {
            gzip.Write(block);
        }
        return new(name, path);
    }
}
