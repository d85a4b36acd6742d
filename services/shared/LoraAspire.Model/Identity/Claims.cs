using System.Text.RegularExpressions;

namespace LoraAspire.Model.Identity;

/// <summary>
/// Whether an answer takes the model for another. "I am not ChatGPT" and "ChatGPT was made by OpenAI" are fine: a mention is a claim unless
/// its clause denies it, or is about that other one and not about the speaker. Texts are folded, and the user's own words are masked
/// by a mark.
/// </summary>
internal static partial class Claims
{
    /// <summary>The first name that the answer claims, or null.</summary>
    public static string? In(string question, string answer)
    {
        var sentences = Sentences().Split(answer);
        // "Right, I'm not ChatGPT" agrees to something else.
        if (Affirms().IsMatch(answer) && !OtherModels.In(sentences[0]).Any(mention => Denial().IsMatch(sentences[0][..mention.Index]))
            && IdentityAsked.IfOther(question) is { } agreed)
        {
            return agreed;
        }
        foreach (var sentence in sentences)
        {
            var (denied, about) = (false, false);
            foreach (var clause in Clauses().Split(sentence))
            {
                var mentions = OtherModels.In(clause);
                if (mentions.Count == 0)
                {
                    (denied, about) = (false, about && !FirstPerson().IsMatch(clause));
                    continue;
                }
                var before = clause[..mentions[0].Index];
                // "not ChatGPT, Claude or Gemini": a clause of names alone goes on with the one before it.
                denied = (denied && Joints().Replace(OtherModels.Without(clause), "").Length == 0)
                    || Denial().IsMatch(before) || DeniedAfter().IsMatch(After(clause, mentions[^1]))
                    || DeniedAfter().IsMatch(After(clause, mentions[0]));
                about = !FirstPerson().IsMatch(clause) && (IsSubject(clause, mentions[0]) || (about && Fragment().IsMatch(clause)));
                if (IsSpeaker().IsMatch(before) || !(denied || about || Neutral().IsMatch(before)))
                {
                    return mentions[0].Value;
                }
            }
        }
        return null;
    }

    private static bool IsSubject(string clause, Match mention) =>
        Lead().Replace(clause[..mention.Index], "").Trim().Length == 0 && Verb().IsMatch(OtherModels.Without(After(clause, mention)));

    private static string After(string clause, Match mention) => clause[(mention.Index + mention.Length)..];

    [GeneratedRegex(@"^\W*(?:yes|yeah|yep|yup|correct|exactly|indeed|certainly|that's (?:right|correct|true)|you(?:'re| are) right|"
        + @"right\b(?=\W)|是的|是啊|对的|对啊|对(?=[，,。！!])|没错|正是|嗯|当然)", RegexOptions.IgnoreCase)]
    private static partial Regex Affirms();

    // "but" and its like begin a sentence of their own, which takes nothing over from the one before it.
    [GeneratedRegex(@"(?:[!?;。！？；\n]|\.(?![A-Za-z0-9]))+|(?=\bbut\b)|(?=而是)|(?=但是)|(?=不过)", RegexOptions.IgnoreCase)]
    private static partial Regex Sentences();

    [GeneratedRegex(@"[,，:：—–]+|(?=\b(?:and|so|while|whereas) (?:am|is|was|were|have|has|had|come|came|it|you|I|I'm|my)\b)|(?=并且)|(?=而且)|"
        + @"(?=而我)|(?=并由)", RegexOptions.IgnoreCase)]
    private static partial Regex Clauses();

    [GeneratedRegex(@"\b(?:or|and|nor|the|by|from|any|other|another|models?|assistants?|products?|an?|either|even)\b|[或和与、及以/\s""'“”]|其他|"
        + @"任何|模型|助手|也", RegexOptions.IgnoreCase)]
    private static partial Regex Joints();

    [GeneratedRegex(@"\b(?:not|never|neither|nor|unlike|rather than|instead of|different from|independent of|no relation to|no "
        + @"connection (?:to|with)|nothing to do with|unrelated to)\b(?! only| just)|n't\b|不是|并非|并不|不叫|不属于|不来自|没有|不同于|区别于|有别于|无关于|不由|别叫|"
        + @"不要叫", RegexOptions.IgnoreCase)]
    private static partial Regex Denial();

    [GeneratedRegex(@"^\W*(?:(?:is|was|are|were|did|does|do|has|had)(?:n't| not)\b|(?:has|had|have) (?:no|nothing)\b|(?:is|are) (?:not|"
        + @"different from|separate from|unrelated|independent)\b|并?不是我|并?没有(?:开发|创造|训练|制作)|(?:和|与|跟)?我?(?:并?没有(?:任何)?(?:关系|关联|联系)|"
        + @"毫?无(?:任何)?(?:关|关系|关联))|(?:和|与|跟)我(?:不同|不一样)|不同|不一样)", RegexOptions.IgnoreCase)]
    private static partial Regex DeniedAfter();

    /// <summary>Right before a name: whatever was denied before, this isn't.</summary>
    [GeneratedRegex(@"(?:\b(?:I am|I'm|my (?:real |full |true )?name is|my name's|call me)\s+(?:(?:really|actually|in fact|indeed|just|"
        + @"also|still|an?|the|called) )*|(?:我|咱)(?:其实|就|真的|正|也|本来|确实|只)*(?:是|叫)\s*)[""'“「]*$", RegexOptions.IgnoreCase)]
    private static partial Regex IsSpeaker();

    [GeneratedRegex(@"\b(?:I|me|my|mine|myself|we|us|our)\b|我|本人", RegexOptions.IgnoreCase)]
    private static partial Regex FirstPerson();

    /// <summary>A clause that has no subject of its own.</summary>
    [GeneratedRegex(@"^\W*(?:an?|another|the|which|that|who|made|created|developed|built|trained|owned|by|from|or|and|是|由|来自|另)\b|"
        + @"^\W*(?:是|由|来自|另)", RegexOptions.IgnoreCase)]
    private static partial Regex Fragment();

    /// <summary>What may stand before a clause's subject.</summary>
    [GeneratedRegex(@"\b(?:and|while|whereas|although|though|since|because|as|if|yes|no|sure|well|the|both|but|in fact|actually)\b|"
        + @"[""'“”「」《》]|而|虽然|虽|不过|因为|其实|但是|但", RegexOptions.IgnoreCase)]
    private static partial Regex Lead();

    [GeneratedRegex(@"\b(?:is|are|was|were|has|have|had|does|do|did|comes?|came|belongs?|can|could|may|will|sounds?)\b|'s\b.*\bis\b|"
        + @"^\s*(?:created|made|makes|developed|built|trained)\s*$|是|由|属于|听起来|会|能|有|出自|来自", RegexOptions.IgnoreCase)]
    private static partial Regex Verb();

    /// <summary>Right before a name: it is spoken of, or put to use.</summary>
    [GeneratedRegex(@"\b(?:thinking of|know(?: of| about)?|heard of|confus\w+ (?:me |us )?with|mist[ao]\w+ (?:me )?for|like|such as|than|"
        + @"compar\w+ (?:to|with)|similar to|familiar with|as (?:well|good) as|translat\w+|using)\s+(?:[\w']+ )?$|(?:像|例如|比如|比|认识|知道|了解|"
        + @"听说过|喜欢|翻译|包括|使用|混淆|当成|误认为)[^，。]{0,4}$", RegexOptions.IgnoreCase)]
    private static partial Regex Neutral();
}
