using LoraAspire.Lab.ChatPages;

namespace LoraAspire.Tests.Lab.ChatPages;

/// <summary>A conversation loses nothing: what is edited or asked again comes to what is there.</summary>
public sealed class ConversationTests
{
    private static readonly Conversation s_two = new Conversation("one")
        .Asking("Who are you?\nSay it short.", null).Answering(0, 0, Said("I am Pebble.")).Answering(0, 1, Said("I am Mingyu."))
        .Asking("Who made you?", 0).Answering(1, 0, Said("The project."));

    [Fact]
    public void Its_title_is_the_first_line_of_the_first_question_and_stays()
    {
        Assert.Equal("Who are you?", s_two.Title);
        Assert.Equal(new string('x', 60) + "…", new Conversation("long").Asking(new string('x', 61), null).Title);
        Assert.Equal("😀…", new Conversation("half").Asking("😀" + string.Concat(Enumerable.Repeat("😀", 30)), null).Title[^3..]);
    }

    [Fact]
    public void A_column_is_told_its_own_answers_and_where_it_gave_none_those_of_the_first()
    {
        var three = s_two.Asking("Why?", 1) with { System = "Be terse." };

        Assert.Equal(["system: Be terse.", "user: Who are you?\nSay it short.", "assistant: I am Pebble.", "user: Who made you?",
            "assistant: The project.", "user: Why?"], Told(three, 2, 0));
        Assert.Equal(["system: Be terse.", "user: Who are you?\nSay it short.", "assistant: I am Mingyu.", "user: Who made you?",
            "assistant: The project.", "user: Why?"], Told(three, 2, 1));
    }

    [Fact]
    public void A_question_that_is_edited_is_another_version_and_the_arrows_lead_back_to_what_followed_the_first()
    {
        var edited = s_two.Asking("What are you?", s_two.Turns[0].Parent);

        Assert.Equal([2], edited.Path);
        Assert.Equal([0, 2], edited.Versions(2));
        Assert.Equal(["user: What are you?"], Told(edited, 2, 0));
        Assert.Equal([0, 1], edited.Showing(0).Path);
        Assert.Equal([2], edited.Showing(0).Showing(2).Path);
    }

    [Fact]
    public void Of_several_continuations_the_newest_is_shown()
    {
        var forked = s_two.Asking("Who else?", 0).Asking("And then?", 2);

        Assert.Equal([0, 2, 3], forked.Showing(0).Path);
        Assert.Equal([1, 2], forked.Versions(1));
        Assert.Equal([0, 1], forked.Showing(1).Path);
    }

    [Fact]
    public void An_answer_that_is_given_again_stands_beside_the_earlier_one_and_the_chosen_one_is_told()
    {
        var again = s_two.Answering(0, 0, Said("My name is Pebble."));

        Assert.Equal("My name is Pebble.", again.Turns[0].Shown(0)!.Text);
        Assert.Equal(2, again.Turns[0].Answers[0].Variants.Count);
        Assert.Equal("assistant: I am Pebble.", Told(again.Choosing(0, 0, 0), 1, 0)[1]);
        Assert.Equal("assistant: My name is Pebble.", Told(again, 1, 0)[1]);
        Assert.Equal("replaced", again.Replacing(0, 0, 1, Said("replaced")).Turns[0].Shown(0)!.Text);
    }

    [Fact]
    public void Nothing_is_told_of_an_answer_that_failed_before_its_first_word()
    {
        var failed = new Conversation("one").Asking("Hello?", null).Answering(0, 0, new("m") { Trouble = new(TroubleKind.Away) })
            .Asking("Hello again?", 0);

        Assert.Equal(["user: Hello?", "user: Hello again?"], Told(failed, 1, 0));
    }

    [Fact]
    public void Speed_is_that_of_the_tokens_after_the_first() =>
        Assert.Equal(20, (Said("x") with { Tokens = 41, FirstAfter = 1.5, Took = 3.5 }).TokensPerSecond);

    [Fact]
    public void One_token_has_no_speed() => Assert.Null((Said("x") with { Tokens = 1, FirstAfter = 1, Took = 1.1 }).TokensPerSecond);

    private static Answer Said(string text) => new("m") { Text = text, Finish = "stop" };

    private static string[] Told(Conversation chat, int turn, int column) =>
        [.. chat.Messages(turn, column).Select(said => $"{said.Role}: {said.Content}")];
}
